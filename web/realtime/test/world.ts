/** A world that stands still until it is told to go on, and a server that says what a test wants. */
import { vi } from 'vitest';
import type { ChatMessage, ServerToClientEvents } from '../src/contract.ts';
import { type ClientOptions, createClient } from '../src/core/client.ts';
import type { Environment } from '../src/core/environment.ts';
import { type Journal, memoryJournal } from '../src/core/journal.ts';
import type { TransportHandlers } from '../src/core/transport.ts';

export const ME = '0198c000-0000-7000-8000-000000000001';
export const OTHER = '0198c000-0000-7000-8000-000000000002';

export function token(claims: object = {}): string {
  const part = (value: object) => btoa(JSON.stringify(value)).replaceAll('=', '');
  return `${part({ alg: 'HS256' })}.${part({ userId: ME, name: 'Putri', role: 'STUDENT', ...claims })}.x`;
}

interface Sent {
  event: string;
  payload: Record<string, unknown>;
  reply: (acknowledgement: unknown) => void;
}

type Answer = (payload: never) => object | undefined;

export interface World {
  environment: Environment;
  /** Lets time go by, with all that is due in it. */
  pass(ms: number): Promise<void>;
  setOnline(isOnline: boolean): void;
  /** Sets this machine's clock, as a user might. */
  setClock(ms: number): void;
  setRandom(value: number): void;
  /** Every token that the connection was opened with. */
  opened: string[];
  sent: Sent[];
  count(event: string): number;
  /** From now on events of this name are answered by it; `undefined`: with silence. */
  answer(event: string, how: Answer): void;
  accept(): Promise<void>;
  refuse(message: string): Promise<void>;
  drop(byServer?: boolean): Promise<void>;
  tell<E extends keyof ServerToClientEvents>(event: E, payload: Parameters<ServerToClientEvents[E]>[0]): Promise<void>;
  client: ReturnType<typeof createClient>;
  /** The same person's next page: the same device and journal, nothing else. */
  reopen(): World;
}

export async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await Promise.resolve();
}

export function createWorld(options: Partial<ClientOptions> = {}, journal: Journal = memoryJournal()): World {
  let monotonic = 1_000;
  let skew = Date.parse('2026-11-23T10:00:00Z') - monotonic;
  let isOnline = true;
  let random = 0.5;
  let uuids = 0;
  const timers = new Set<{ at: number; run: () => void }>();
  const watchers = new Set<() => void>();
  const answers = new Map<string, Answer>([
    ['heartbeat', () => ({ serverTime: new Date(skew + monotonic).toISOString() })],
    ['notification-preferences', () => ({ preferences: {} })],
  ]);
  let handlers: TransportHandlers | null = null;
  let isUp = false;
  const environment: Environment = {
    now: () => skew + monotonic,
    monotonic: () => monotonic,
    random: () => random,
    uuid() {
      uuids += 1;
      return `00000000-0000-4000-8000-${String(uuids).padStart(12, '0')}`;
    },
    setTimeout(run, ms) {
      const timer = { at: monotonic + ms, run };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    isOnline: () => isOnline,
    onChange(watcher) {
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    },
  };
  const world: World = {
    environment,
    async pass(ms) {
      const until = monotonic + ms;
      await settle();
      for (;;) {
        const due = [...timers].filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
        if (!due) break;
        timers.delete(due);
        monotonic = Math.max(monotonic, due.at);
        due.run();
        await settle();
      }
      monotonic = until;
    },
    setOnline(next) {
      isOnline = next;
      for (const watcher of watchers) watcher();
    },
    setClock(ms) {
      skew = ms - monotonic;
    },
    setRandom(value) {
      random = value;
    },
    opened: [],
    sent: [],
    count: (event) => world.sent.filter((one) => one.event === event).length,
    answer: (event, how) => void answers.set(event, how),
    async accept() {
      isUp = true;
      handlers?.onOpen();
      await settle();
    },
    async refuse(message) {
      handlers?.onRefused(message);
      await settle();
    },
    async drop(byServer = false) {
      isUp = false;
      handlers?.onClose(byServer);
      await settle();
    },
    async tell(event, payload) {
      handlers?.onEvent(event, payload);
      await settle();
    },
    client: createClient({
      getToken: vi.fn(async () => token()),
      journal,
      environment,
      createTransport(_, given) {
        handlers = given;
        return {
          open: (next) => void world.opened.push(next),
          close: () => {
            isUp = false;
          },
          send(event, payload, reply) {
            if (!isUp) return;
            world.sent.push({ event, payload: payload as Record<string, unknown>, reply });
            const answer = answers.get(event)?.(payload as never);
            if (answer) queueMicrotask(() => reply('ok' in answer ? answer : { ok: true, ...answer }));
          },
        };
      },
      ...options,
    }),
    reopen: () => createWorld(options, journal),
  };
  return world;
}

export async function connected(options?: Partial<ClientOptions>): Promise<World> {
  const world = createWorld(options);
  world.client.connect();
  await settle();
  await world.accept();
  return world;
}

export function message(seq: number, more: Partial<ChatMessage> = {}): ChatMessage {
  return {
    id: `m${seq}`,
    room_id: 'lobby',
    seq,
    sender_id: OTHER,
    sender_name: 'dr. Bagus',
    sender_avatar: null,
    message: `pesan ${seq}`,
    format: 'text',
    message_type: 'text',
    file_url: null,
    file_name: null,
    file_size: null,
    is_read: false,
    client_message_id: null,
    reply_to: null,
    created_at: `2026-11-23T10:00:${String(seq % 60).padStart(2, '0')}.000Z`,
    ...more,
  };
}
