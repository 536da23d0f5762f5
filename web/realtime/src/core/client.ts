import type { ChosenStatus, Role, RoomSummary } from '../contract.ts';
import { type Boards, createBoards } from './boards.ts';
import { type Connection, type ConnectionSnapshot, createConnection, type TokenReason } from './connection.ts';
import { browserEnvironment, type Environment } from './environment.ts';
import { RealtimeError } from './errors.ts';
import { createExam, type ExamSitting } from './exam.ts';
import { createGroups, type GroupFilter, type Groups } from './groups.ts';
import { createHttp, type Http } from './http.ts';
import { createInbox, type Inbox } from './inbox.ts';
import { browserJournal, type Journal } from './journal.ts';
import { createMonitor, type ExamMonitor } from './monitor.ts';
import { createOutbox, type Outbox } from './outbox.ts';
import { createRooms, type Rooms } from './rooms.ts';
import { createServerClock } from './server-clock.ts';
import { createStore, type Store } from './store.ts';
import { type CreateTransport, socketIo } from './transport.ts';

/** Who is signed in, as their token says. */
export interface RealtimeUser {
  id: string;
  name: string;
  role: Role;
  specialty: string | null;
}

export interface ClientOptions {
  /** The gateway's address; the page's own origin when left out. */
  url?: string;
  /** Gives a token: also when the one in use is about to expire or was refused. Without it, `connect(token)` has it. */
  getToken?: (why: TokenReason) => Promise<string>;
  /** Where what is not sent yet is kept; IndexedDB when left out. */
  journal?: Journal;
  /** For tests: another way to the server, and another world. */
  createTransport?: CreateTransport;
  environment?: Environment;
}

/** A user's connection, and all that is known through it. Knows nothing of any framework. */
export interface RealtimeClient extends Pick<Connection, 'emit' | 'on' | 'disconnect' | 'reconnect'> {
  connection: Store<ConnectionSnapshot>;
  /** `null` before there was a token. */
  user: Store<RealtimeUser | null>;
  connect(token?: string): void;
  onConnected: Connection['onConnected'];
  /** The server's time in milliseconds since 1970. */
  serverNow(): number;
  rooms: Rooms;
  outbox: Outbox;
  inbox: Inbox;
  boards: Boards;
  http: Http;
  openExam(examId: string): ExamSitting;
  openMonitor(examId: string): ExamMonitor;
  openGroups(filter?: GroupFilter): Groups;
  listRooms(): Promise<RoomSummary[]>;
  setStatus(status: ChosenStatus): Promise<void>;
}

export function createClient(options: ClientOptions = {}): RealtimeClient {
  const environment = options.environment ?? browserEnvironment();
  const journal = options.journal ?? browserJournal();
  const user = createStore<RealtimeUser | null>(null);
  let current: string | null = null;

  async function token(why: TokenReason): Promise<string> {
    if (why === 'refused' && !options.getToken) {
      throw new RealtimeError({ code: 'auth/invalid-token', message: 'There is no other token than the one refused' });
    }
    const next = options.getToken ? await options.getToken(why) : current;
    if (!next) throw new RealtimeError({ code: 'client/no-token', message: 'There is no token to connect with' });
    current = next;
    const before = user.get();
    const now = readClaims(next);
    if (now?.id !== before?.id || now?.name !== before?.name) user.set(now);
    if (now && now.id !== before?.id) void outbox.restore(now.id);
    return next;
  }
  const connection = createConnection({
    url: options.url,
    createTransport: options.createTransport ?? socketIo,
    environment,
    token,
  });
  const me = () => user.get()?.id ?? null;
  const clock = createServerClock(connection, environment);
  const rooms = createRooms(connection, environment, me);
  const outbox = createOutbox(connection, journal, environment, me, (message) =>
    rooms.find(message.room_id)?.receive(message),
  );
  const { emit, on, disconnect, reconnect, onConnected } = connection;

  return {
    connection: connection.snapshot,
    user,
    emit,
    on,
    disconnect,
    reconnect,
    onConnected,
    connect(next) {
      if (next !== undefined) current = next;
      connection.connect();
    },
    serverNow: clock.now,
    rooms,
    outbox,
    inbox: createInbox(connection),
    boards: createBoards(connection, environment),
    http: createHttp(options.url ?? '', environment, async (refused) => {
      if (current !== null && current !== refused) return current;
      return token(refused === undefined ? 'connect' : 'refused');
    }),
    openExam: (examId) => createExam(examId, { connection, environment, clock, journal, me }),
    openMonitor: (examId) => createMonitor(examId, connection),
    openGroups: (filter = {}) => createGroups(connection, filter, me),
    listRooms: async () => (await connection.emit('room-list', {})).rooms,
    async setStatus(status) {
      await connection.emit('set-status', { status });
    },
  };
}

/** What a token says of its user, unchecked: the server checks it. */
function readClaims(token: string): RealtimeUser | null {
  try {
    const part = token.split('.')[1] ?? '';
    const bytes = Uint8Array.from(atob(part.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, string | undefined>;
    const id = claims.userId ?? claims.id ?? claims.sub;
    if (!id) return null;
    return {
      id,
      name: claims.name ?? '',
      role: (claims.role ?? 'STUDENT') as Role,
      specialty: claims.specialty ?? null,
    };
  } catch {
    return null;
  }
}
