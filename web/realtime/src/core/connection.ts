import type { ClientToServerEvents, ServerToClientEvents } from '../contract.ts';
import { backoffMs } from './backoff.ts';
import type { Environment } from './environment.ts';
import { asRealtimeError, RealtimeError } from './errors.ts';
import { createStore, type Store } from './store.ts';
import type { CreateTransport } from './transport.ts';

/**
 * - `idle`: not asked to connect; `connecting`: for the first time; `connected`;
 * - `reconnecting`: lost, and tried again; `offline`: this machine has no network, and is waited for;
 * - `refused`: the server does not take the token; `closed`: disconnected on purpose.
 */
export type ConnectionState = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'offline' | 'refused' | 'closed';

export interface ConnectionSnapshot {
  state: ConnectionState;
  error: RealtimeError | null;
  /** When the next attempt is made, in milliseconds since 1970; `null` where none is planned. */
  retryAt: number | null;
}

/** Why a token is wanted: to connect, because the one in use is about to expire, or because it was refused. */
export type TokenReason = 'connect' | 'expiring' | 'refused';

export type EventName = keyof ClientToServerEvents;
export type PayloadOf<E extends EventName> = Parameters<ClientToServerEvents[E]>[0];
type AckOf<E extends EventName> = Parameters<NonNullable<Parameters<ClientToServerEvents[E]>[1]>>[0];
/** What an event is acknowledged with when it succeeded. */
export type ReplyOf<E extends EventName> = Extract<AckOf<E>, { ok: true }>;
export type Handler<E extends keyof ServerToClientEvents> = ServerToClientEvents[E];

export interface Connection {
  snapshot: Store<ConnectionSnapshot>;
  connect(): void;
  disconnect(): void;
  /** Tries now, instead of waiting. */
  reconnect(): void;
  /** Rejects with a {@link RealtimeError}: refused, no connection, or no answer in time. */
  emit<E extends EventName>(event: E, payload: PayloadOf<E>, options?: { timeoutMs?: number }): Promise<ReplyOf<E>>;
  on<E extends keyof ServerToClientEvents>(event: E, handler: Handler<E>): () => void;
  /** Calls back after each time that the connection came about. */
  onConnected(listener: () => void): () => void;
}

const ANSWER_MS = 15_000;
/**
 * How long to wait before each other token that is asked for when one is refused, in milliseconds. One that was issued
 * in the second of a revocation is refused as well, so the later ones are of a later second.
 */
export const OTHER_TOKEN_MS = [0, 1_500, 3_000];
/** How long to stay away after too many events, where the server did not say. */
const FLOODING_MS = 10_000;

export interface ConnectionOptions {
  url: string | undefined;
  createTransport: CreateTransport;
  environment: Environment;
  token: (why: TokenReason) => Promise<string>;
}

export function createConnection({ url, createTransport, environment, token }: ConnectionOptions): Connection {
  const snapshot = createStore<ConnectionSnapshot>({ state: 'idle', error: null, retryAt: null });
  const handlers = new Map<string, Set<(payload: never) => void>>();
  const connectedListeners = new Set<() => void>();
  /** Rejects what waits for an answer. */
  const waiting = new Set<(error: RealtimeError) => void>();
  let isWanted = false;
  let failures = 0;
  let refusals = 0;
  let hasBeenConnected = false;
  /** Set by a server that goes: how long its clients spread their return over. */
  let spreadMs: number | null = null;
  /** Set by a server that closes because of too many events: how long it wants this client to stay away. */
  let awayMs: number | null = null;
  let cancelRetry = () => {};
  let stopWatching = () => {};
  /** Attempts that are not the latest one end without effect. */
  let attempt = 0;

  const show = (state: ConnectionState, error: RealtimeError | null = null, retryAt: number | null = null) =>
    snapshot.set({ state, error, retryAt });
  const isUp = () => snapshot.get().state === 'connected';

  const transport = createTransport(url, {
    onOpen() {
      failures = 0;
      refusals = 0;
      hasBeenConnected = true;
      show('connected');
      for (const listener of [...connectedListeners]) listener();
    },
    onClose(byServer) {
      const error = new RealtimeError({ code: 'client/closed', message: 'The connection was lost' });
      for (const reject of [...waiting]) reject(error);
      if (!isWanted) return;
      const [spread, away] = [spreadMs, awayMs];
      spreadMs = null;
      awayMs = null;
      const wait = away ?? (spread === null ? undefined : environment.random() * spread);
      retry(error, wait, byServer ? 'expiring' : 'connect');
    },
    onRefused(message) {
      if (!isWanted) return;
      if (!message.startsWith('Authentication error')) {
        retry(new RealtimeError({ code: 'server/unavailable', message }));
        return;
      }
      const error = new RealtimeError({ code: 'auth/invalid-token', message });
      const wait = OTHER_TOKEN_MS[refusals];
      refusals += 1;
      if (wait === undefined) giveUp(error);
      else if (wait === 0) void open('refused');
      else retry(error, wait, 'refused');
    },
    onEvent(name, payload) {
      for (const handler of [...(handlers.get(name) ?? [])]) handler(payload as never);
    },
  });

  async function open(why: TokenReason) {
    cancelRetry();
    attempt += 1;
    const mine = attempt;
    if (!environment.isOnline()) {
      show('offline');
      return;
    }
    show(hasBeenConnected ? 'reconnecting' : 'connecting', snapshot.get().error);
    try {
      const next = await token(why);
      if (isWanted && mine === attempt) transport.open(next);
    } catch (reason) {
      if (!isWanted || mine !== attempt) return;
      const error = asRealtimeError(reason);
      if (error.code === 'client/no-token' || error.code.startsWith('auth/')) {
        giveUp(error);
      } else {
        retry(error, undefined, why);
      }
    }
  }

  function giveUp(error: RealtimeError) {
    isWanted = false;
    stopWatching();
    show('refused', error);
  }

  function retry(error: RealtimeError, inMs?: number, why: TokenReason = 'connect') {
    const wait = inMs ?? backoffMs(failures, environment.random());
    failures += 1;
    if (!environment.isOnline()) {
      show('offline', error);
      return;
    }
    show(hasBeenConnected ? 'reconnecting' : 'connecting', error, environment.now() + wait);
    cancelRetry();
    cancelRetry = environment.setTimeout(() => void open(why), wait);
  }

  const connection: Connection = {
    snapshot,
    connect() {
      if (isWanted) return;
      isWanted = true;
      refusals = 0;
      failures = 0;
      stopWatching();
      stopWatching = environment.onChange(() => {
        if (!isWanted || isUp()) return;
        if (environment.isOnline()) {
          failures = 0;
          if (snapshot.get().state === 'offline' || snapshot.get().retryAt !== null) void open('connect');
        } else {
          cancelRetry();
          show('offline', snapshot.get().error);
        }
      });
      void open('connect');
    },
    disconnect() {
      isWanted = false;
      attempt += 1;
      cancelRetry();
      stopWatching();
      transport.close();
      show('closed');
    },
    reconnect() {
      if (isUp()) return;
      failures = 0;
      if (isWanted) void open('connect');
      else connection.connect();
    },
    emit(event, payload, { timeoutMs = ANSWER_MS } = {}) {
      if (!isUp())
        return Promise.reject(new RealtimeError({ code: 'client/offline', message: 'There is no connection' }));
      return new Promise((resolve, reject) => {
        const fail = (error: RealtimeError) => {
          waiting.delete(fail);
          cancel();
          reject(error);
        };
        const cancel = environment.setTimeout(
          () => fail(new RealtimeError({ code: 'client/timeout', message: 'The server did not answer in time' })),
          timeoutMs,
        );
        waiting.add(fail);
        transport.send(event, payload, (answer) => {
          const reply = answer as AckOf<typeof event>;
          if (!reply.ok) {
            fail(new RealtimeError(reply.error));
            return;
          }
          waiting.delete(fail);
          cancel();
          resolve(reply as ReplyOf<typeof event>);
        });
      });
    },
    on(event, handler) {
      const all = handlers.get(event) ?? new Set();
      handlers.set(event, all);
      all.add(handler as (payload: never) => void);
      return () => void all.delete(handler as (payload: never) => void);
    },
    onConnected(listener) {
      connectedListeners.add(listener);
      if (isUp()) listener();
      return () => void connectedListeners.delete(listener);
    },
  };
  connection.on('server-closing', ({ reconnectAfterMs }) => {
    spreadMs = reconnectAfterMs;
  });
  connection.on('error', ({ code, retryAfterMs }) => {
    if (code === 'request/flooding') awayMs = retryAfterMs ?? FLOODING_MS;
  });
  connection.on('token-expiring', () => {
    // Without a new token the server ends the connection, and the next one asks again.
    void token('expiring')
      .then((next) => connection.emit('auth-refresh', { token: next }))
      .catch(() => {});
  });
  return connection;
}
