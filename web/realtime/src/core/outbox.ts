import type { ChatMessage, SendMessage } from '../contract.ts';
import type { Connection } from './connection.ts';
import type { Environment } from './environment.ts';
import { asRealtimeError, isTransient, type RealtimeError } from './errors.ts';
import type { Journal } from './journal.ts';
import { createStore, type Store } from './store.ts';

/** How long to wait before the same message is sent again, where the server did not say, in milliseconds. */
const AGAIN_MS = 2_000;

/** A message of this client's own that the server has not acknowledged. */
export interface Pending {
  clientMessageId: string;
  roomId: string;
  payload: SendMessage;
  createdAt: string;
  state: 'queued' | 'sending' | 'failed';
  error: RealtimeError | null;
}

export interface Outbox {
  /** In the order in which they were written. */
  pending: Store<readonly Pending[]>;
  add(payload: Omit<SendMessage, 'clientMessageId'>): void;
  /** Sends one that failed once more. */
  retry(clientMessageId: string): void;
  discard(clientMessageId: string): void;
  /** Brings back what an earlier page of this user's has left. */
  restore(userId: string): Promise<void>;
}

/**
 * Sends messages in their order, one at a time in each room, under an id that makes a repeat harmless; so whenever nobody
 * knows whether one has arrived it is sent again. They are kept on the device until they are acknowledged.
 */
export function createOutbox(
  connection: Connection,
  journal: Journal,
  environment: Environment,
  userId: () => string | null,
  onSent: (message: ChatMessage) => void,
): Outbox {
  const pending = createStore<readonly Pending[]>([]);
  const inFlight = new Set<string>();
  const change = (id: string, to: Partial<Pending>) =>
    pending.update((all) => all.map((one) => (one.clientMessageId === id ? { ...one, ...to } : one)));
  const remove = (id: string) => {
    pending.update((all) => all.filter((one) => one.clientMessageId !== id));
    void journal.removeMessage(id);
  };

  async function flush(roomId: string): Promise<void> {
    if (inFlight.has(roomId) || connection.snapshot.get().state !== 'connected') return;
    const next = pending.get().find((one) => one.roomId === roomId && one.state !== 'failed');
    if (!next) return;
    const id = next.clientMessageId;
    inFlight.add(roomId);
    change(id, { state: 'sending', error: null });
    try {
      const { message } = await connection.emit('send-message', next.payload);
      onSent(message);
      remove(id);
    } catch (reason) {
      const error = asRealtimeError(reason);
      if (!isTransient(error)) {
        change(id, { state: 'failed', error });
      } else {
        change(id, { state: 'queued', error });
        await new Promise<void>((resolve) => environment.setTimeout(resolve, error.retryAfterMs ?? AGAIN_MS));
      }
    }
    inFlight.delete(roomId);
    return flush(roomId);
  }
  const flushAll = () => {
    for (const roomId of new Set(pending.get().map((one) => one.roomId))) void flush(roomId);
  };
  connection.onConnected(flushAll);

  return {
    pending,
    add(payload) {
      const clientMessageId = environment.uuid();
      const createdAt = new Date(environment.now()).toISOString();
      const one = { clientMessageId, roomId: payload.roomId, payload: { ...payload, clientMessageId }, createdAt };
      const owner = userId();
      if (owner) void journal.putMessage({ ...one, userId: owner });
      pending.update((all) => [...all, { ...one, state: 'queued', error: null }]);
      void flush(payload.roomId);
    },
    retry(clientMessageId) {
      const one = pending.get().find((each) => each.clientMessageId === clientMessageId);
      if (one?.state !== 'failed') return;
      change(clientMessageId, { state: 'queued', error: null });
      void flush(one.roomId);
    },
    discard: remove,
    async restore(owner) {
      const left = await journal.messages(owner);
      const known = new Set(pending.get().map((one) => one.clientMessageId));
      const restored = left
        .filter((one) => !known.has(one.clientMessageId))
        .sort((a, b) => a.createdAt.localeCompare(b.createdAt))
        .map(({ clientMessageId, roomId, payload, createdAt }): Pending => {
          return { clientMessageId, roomId, payload, createdAt, state: 'queued', error: null };
        });
      pending.update((all) => [...restored, ...all]);
      flushAll();
    },
  };
}
