import type { ChatMessage, Reaction, RoomMember, TypingUser } from '../contract.ts';
import type { Connection } from './connection.ts';
import type { Environment } from './environment.ts';
import { asRealtimeError, isTransient, type RealtimeError } from './errors.ts';
import { createStore, type Store } from './store.ts';

/** How long what is missing may come by itself before it is asked for, in milliseconds. */
const GAP_MS = 1_500;
/** How long somebody shows as typing who says no more of it; the server's bound is 6 s. */
const TYPING_MS = 7_000;
/** How often it is said that one is still typing. */
const TYPING_AGAIN_MS = 3_000;
const JOIN_AGAIN_MS = 3_000;

export interface RoomSnapshot {
  /** By `seq`, without a gap. */
  messages: readonly ChatMessage[];
  members: readonly RoomMember[];
  typing: readonly TypingUser[];
  isJoined: boolean;
  error: RealtimeError | null;
  hasOlder: boolean;
  isLoadingOlder: boolean;
  /** Up to where the user has read. */
  lastReadSeq: number;
  readUpTo: ReadonlyMap<string, number>;
  mutedUntil: string | null;
}

/** A room as this client knows it: joined while the connection is up, brought up to date whenever it came back. */
export interface Room {
  snapshot: Store<RoomSnapshot>;
  join(): void;
  receive(message: ChatMessage): void;
  loadOlder(): Promise<void>;
  /** Marks everything up to a message of somebody else's read. */
  markRead(messageId?: string): void;
  setTyping(isTyping: boolean): void;
}

/** What tells rooms of events: the client routes each to its room. */
export interface RoomEvents extends Room {
  edited(message: ChatMessage): void;
  removed(messageId: string, removedAt: string): void;
  reacted(messageId: string, reactions: Reaction[]): void;
  read(readBy: string, seq: number): void;
  typed(who: TypingUser, isTyping: boolean): void;
  moved(member: RoomMember, isHere: boolean): void;
  muted(until: string | null): void;
  closed(error: RealtimeError | null): void;
}

export function createRoom(
  roomId: string,
  connection: Connection,
  environment: Environment,
  me: () => string | null,
): RoomEvents {
  const snapshot = createStore<RoomSnapshot>({
    messages: [],
    members: [],
    typing: [],
    isJoined: false,
    error: null,
    hasOlder: false,
    isLoadingOlder: false,
    lastReadSeq: 0,
    readUpTo: new Map(),
    mutedUntil: null,
  });
  const patch = (to: Partial<RoomSnapshot>) => snapshot.update((now) => ({ ...now, ...to }));
  /** Messages that came before one that comes before them. */
  const ahead = new Map<number, ChatMessage>();
  const typingTimers = new Map<string, () => void>();
  let isJoining = false;
  let hasJoined = false;
  let cancelGap = () => {};
  let cancelJoin = () => {};
  let saidTypingAt = Number.NEGATIVE_INFINITY;
  let readSeq = 0;

  const lastSeq = () => snapshot.get().messages.at(-1)?.seq ?? 0;

  /** Puts messages where they belong; what comes too early waits. */
  function put(messages: readonly ChatMessage[], from?: number) {
    const known = new Map(snapshot.get().messages.map((one) => [one.seq, one]));
    let last = from ?? lastSeq();
    for (const one of messages) {
      if (one.seq <= last) known.set(one.seq, one);
      else ahead.set(one.seq, one);
    }
    for (let next = ahead.get(last + 1); next; next = ahead.get(last + 1)) {
      known.set(next.seq, next);
      ahead.delete(next.seq);
      last += 1;
    }
    patch({ messages: [...known.values()].sort((a, b) => a.seq - b.seq) });
    cancelGap();
    if (ahead.size > 0) cancelGap = environment.setTimeout(() => void join(), GAP_MS);
  }
  const changeMessage = (id: string, change: (message: ChatMessage) => ChatMessage) =>
    patch({ messages: snapshot.get().messages.map((one) => (one.id === id ? change(one) : one)) });

  async function join(): Promise<void> {
    if (isJoining || connection.snapshot.get().state !== 'connected') return;
    isJoining = true;
    cancelJoin();
    try {
      for (let hasMore = true; hasMore; ) {
        const since = hasJoined ? { sinceSeq: lastSeq() } : {};
        const joined = await connection.emit('join-room', { roomId, ...since });
        if (hasJoined) {
          put(joined.messages);
          hasMore = joined.hasMore;
        } else {
          const first = joined.messages[0]?.seq ?? joined.lastSeq + 1;
          put(joined.messages, first - 1);
          patch({ hasOlder: joined.hasMore });
          hasMore = false;
        }
        hasJoined = true;
        readSeq = Math.max(readSeq, joined.lastReadSeq);
        const { members, typing } = joined;
        patch({
          members,
          typing,
          isJoined: true,
          error: null,
          lastReadSeq: Math.max(snapshot.get().lastReadSeq, joined.lastReadSeq),
        });
        for (const one of typing) typed(one, true);
      }
    } catch (reason) {
      const error = asRealtimeError(reason);
      patch({ error, isJoined: false });
      if (isTransient(error))
        cancelJoin = environment.setTimeout(() => void join(), error.retryAfterMs ?? JOIN_AGAIN_MS);
    }
    isJoining = false;
  }

  function typed(who: TypingUser, isTyping: boolean) {
    typingTimers.get(who.userId)?.();
    typingTimers.delete(who.userId);
    const others = snapshot.get().typing.filter((one) => one.userId !== who.userId);
    if (!isTyping || who.userId === me()) {
      patch({ typing: others });
      return;
    }
    typingTimers.set(
      who.userId,
      environment.setTimeout(() => typed(who, false), TYPING_MS),
    );
    patch({ typing: [...others, { userId: who.userId, userName: who.userName }] });
  }

  connection.onConnected(() => void join());
  connection.snapshot.subscribe(() => {
    if (connection.snapshot.get().state !== 'connected' && snapshot.get().isJoined)
      patch({ isJoined: false, typing: [] });
  });

  return {
    snapshot,
    join: () => void join(),
    receive(message) {
      if (!hasJoined) {
        // What comes while the room is being joined comes after what joining brings.
        if (isJoining) ahead.set(message.seq, message);
        return;
      }
      const isNew = message.seq > lastSeq() && !ahead.has(message.seq);
      put([message]);
      typed({ userId: message.sender_id, userName: message.sender_name }, false);
      if (isNew && message.reply_to) {
        changeMessage(message.reply_to, (one) => ({ ...one, reply_count: (one.reply_count ?? 0) + 1 }));
      }
    },
    async loadOlder() {
      const { messages, hasOlder, isLoadingOlder } = snapshot.get();
      const beforeSeq = messages[0]?.seq;
      if (!hasOlder || isLoadingOlder || beforeSeq === undefined) return;
      patch({ isLoadingOlder: true });
      try {
        const page = await connection.emit('message-history', { roomId, beforeSeq });
        const seen = new Set(snapshot.get().messages.map((one) => one.seq));
        const older = page.messages.filter((one) => !seen.has(one.seq));
        patch({ messages: [...older, ...snapshot.get().messages], hasOlder: page.hasMore });
      } finally {
        patch({ isLoadingOlder: false });
      }
    },
    markRead(messageId) {
      const others = snapshot.get().messages.filter((one) => one.sender_id !== me());
      const upTo = messageId === undefined ? others.at(-1) : others.find((one) => one.id === messageId);
      if (!upTo || upTo.seq <= readSeq) return;
      readSeq = upTo.seq;
      connection.emit('mark-message-read', { messageId: upTo.id }).then(
        ({ readUpToSeq }) => patch({ lastReadSeq: Math.max(snapshot.get().lastReadSeq, readUpToSeq) }),
        () => {
          readSeq = snapshot.get().lastReadSeq;
        },
      );
    },
    setTyping(isTyping) {
      const now = environment.monotonic();
      if (isTyping && now - saidTypingAt < TYPING_AGAIN_MS) return;
      if (!isTyping && saidTypingAt === Number.NEGATIVE_INFINITY) return;
      saidTypingAt = isTyping ? now : Number.NEGATIVE_INFINITY;
      connection.emit('typing-indicator', { roomId, isTyping }).catch(() => {});
    },
    edited: (message) => changeMessage(message.id, () => message),
    removed: (id, removedAt) =>
      changeMessage(id, (one) => ({
        ...one,
        message: '',
        format: 'text',
        file_url: null,
        file_name: null,
        file_size: null,
        reactions: [],
        removed_at: removedAt,
      })),
    reacted: (id, reactions) => changeMessage(id, (one) => ({ ...one, reactions })),
    read(readBy, seq) {
      if (readBy === me()) {
        patch({ lastReadSeq: Math.max(snapshot.get().lastReadSeq, seq) });
        return;
      }
      const readUpTo = new Map(snapshot.get().readUpTo);
      readUpTo.set(readBy, Math.max(seq, readUpTo.get(readBy) ?? 0));
      const isRead = (one: ChatMessage) => one.is_read || (one.sender_id !== readBy && one.seq <= seq);
      const messages = snapshot
        .get()
        .messages.map((one) => (isRead(one) === one.is_read ? one : { ...one, is_read: true }));
      patch({ readUpTo, messages });
    },
    typed,
    moved(member, isHere) {
      const others = snapshot.get().members.filter((one) => one.userId !== member.userId);
      patch({ members: isHere ? [...others, member] : others });
    },
    muted: (until) => patch({ mutedUntil: until }),
    closed: (error) => patch({ isJoined: false, error }),
  };
}
