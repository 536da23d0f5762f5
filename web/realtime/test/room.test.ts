import { describe, expect, it } from 'vitest';
import { type ChatMessage, memoryJournal, type RoomSnapshot, type Store } from '../src/core/index.ts';
import { connected, createWorld, ME, message, OTHER, settle, type World } from './world.ts';

/** A room on a server: joining brings the latest two, or whatever was missed, two at a time. */
function serve(world: World, stored: ChatMessage[]) {
  world.answer('join-room', ({ roomId, sinceSeq }: { roomId: string; sinceSeq?: number }) => {
    const missed = stored.filter((one) => one.seq > (sinceSeq ?? 0));
    const messages = sinceSeq === undefined ? stored.slice(-2) : missed.slice(0, 2);
    const hasMore = sinceSeq === undefined ? stored.length > 2 : missed.length > 2;
    const lastSeq = stored.at(-1)?.seq ?? 0;
    return { roomId, messages, hasMore, members: [], typing: [], lastSeq, lastReadSeq: 0 };
  });
}

const seqs = (room: { snapshot: Store<RoomSnapshot> }) => room.snapshot.get().messages.map((one) => one.seq);

async function open(count: number) {
  const world = await connected();
  const stored = Array.from({ length: count }, (_, index) => message(index + 1));
  serve(world, stored);
  const room = world.client.rooms.open('lobby');
  await settle();
  return { world, stored, room };
}

describe('a room', () => {
  it('shows the latest messages, and older ones when they are asked for', async () => {
    const { world, stored, room } = await open(5);
    expect(seqs(room)).toEqual([4, 5]);
    world.answer('message-history', () => ({ messages: stored.slice(0, 3), hasMore: false }));
    await room.loadOlder();
    expect(seqs(room)).toEqual([1, 2, 3, 4, 5]);
    expect(room.snapshot.get().hasOlder).toBe(false);
  });

  it('brings all that was missed after a reconnect, each once and in order', async () => {
    const { world, stored, room } = await open(3);
    await world.drop();
    expect(room.snapshot.get().isJoined).toBe(false);
    for (let seq = 4; seq <= 9; seq += 1) stored.push(message(seq));
    await world.pass(1_000);
    await world.accept();
    await world.tell('receive-message', message(9));
    await world.pass(100);
    expect(seqs(room)).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('shows a repeated message once', async () => {
    const { world, room } = await open(2);
    for (const seq of [3, 3, 2, 1]) await world.tell('receive-message', message(seq));
    expect(seqs(room)).toEqual([1, 2, 3]);
  });

  it('holds what comes too early, and asks for what is missing when it does not come', async () => {
    const { world, stored, room } = await open(2);
    await world.tell('receive-message', message(4));
    expect(seqs(room)).toEqual([1, 2]);
    await world.tell('receive-message', message(3));
    expect(seqs(room)).toEqual([1, 2, 3, 4]);
    for (const seq of [5, 6, 7]) stored.push(message(seq));
    stored.splice(2, 0, message(3), message(4));
    await world.tell('receive-message', message(7));
    expect(seqs(room)).toEqual([1, 2, 3, 4]);
    await world.pass(2_000);
    expect(seqs(room)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('loses nothing that comes while it is being joined', async () => {
    const world = await connected();
    world.answer('join-room', () => undefined);
    const room = world.client.rooms.open('lobby');
    await settle();
    await world.tell('receive-message', message(3));
    const joined = { roomId: 'lobby', messages: [message(1), message(2)], hasMore: false, members: [], typing: [] };
    world.sent.at(-1)?.reply({ ok: true, ...joined, lastSeq: 2, lastReadSeq: 0 });
    await settle();
    expect(seqs(room)).toEqual([1, 2, 3]);
  });

  it('counts a reply once, however often it comes', async () => {
    const { world, room } = await open(2);
    const reply = message(3, { reply_to: 'm1' });
    for (let turn = 0; turn < 3; turn += 1) await world.tell('receive-message', reply);
    expect(room.snapshot.get().messages[0]?.reply_count).toBe(1);
  });

  it('catches up when the server says that something may be missing', async () => {
    const { world, stored, room } = await open(2);
    stored.push(message(3));
    await world.tell('resync-required', { roomId: 'lobby' });
    expect(seqs(room)).toEqual([1, 2, 3]);
  });

  it('lets typing lapse, and says itself at most every three seconds that one types', async () => {
    const { world, room } = await open(1);
    await world.tell('typing-indicator', { roomId: 'lobby', userId: OTHER, userName: 'dr. Bagus', isTyping: true });
    expect(room.snapshot.get().typing).toHaveLength(1);
    await world.pass(8_000);
    expect(room.snapshot.get().typing).toHaveLength(0);
    for (let key = 0; key < 20; key += 1) {
      room.setTyping(true);
      await world.pass(200);
    }
    expect(world.count('typing-indicator')).toBe(2);
    room.setTyping(false);
    room.setTyping(false);
    expect(world.count('typing-indicator')).toBe(3);
  });

  it('marks read what others wrote, once, and shows what others have read', async () => {
    const { world, room } = await open(2);
    world.answer('mark-message-read', () => ({ messageId: 'm2', roomId: 'lobby', readBy: ME, readUpToSeq: 2 }));
    room.markRead();
    room.markRead('m1');
    await settle();
    expect(world.count('mark-message-read')).toBe(1);
    expect(room.snapshot.get().lastReadSeq).toBe(2);
    await world.tell('receive-message', message(3, { sender_id: ME }));
    await world.tell('message-read', { messageId: 'm3', roomId: 'lobby', readBy: OTHER, readUpToSeq: 3 });
    expect(room.snapshot.get().messages.at(-1)?.is_read).toBe(true);
    expect(room.snapshot.get().readUpTo.get(OTHER)).toBe(3);
  });

  it('closes when one is removed from it', async () => {
    const { world, room } = await open(1);
    await world.tell('room-removed', { roomId: 'lobby', userId: ME });
    expect(room.snapshot.get()).toMatchObject({ isJoined: false, error: { code: 'chat/room-forbidden' } });
  });
});

describe('the outbox', () => {
  /** Acknowledges as the server does: the same id is the same message. */
  function post(world: World, stored: ChatMessage[]) {
    world.answer('send-message', ({ clientMessageId, message: text }: { clientMessageId: string; message: string }) => {
      let one = stored.find((each) => each.client_message_id === clientMessageId);
      if (!one) {
        one = message(stored.length + 1, { client_message_id: clientMessageId, sender_id: ME, message: text });
        stored.push(one);
      }
      return { message: one };
    });
  }

  it('sends what was written without a connection once there is one, in its order and once', async () => {
    const world = createWorld();
    const stored: ChatMessage[] = [];
    serve(world, stored);
    post(world, stored);
    world.client.connect();
    await settle();
    const room = world.client.rooms.open('lobby');
    for (const text of ['satu', 'dua', 'tiga']) world.client.outbox.add({ roomId: 'lobby', message: text });
    expect(world.client.outbox.pending.get().map((one) => one.state)).toEqual(['queued', 'queued', 'queued']);
    await world.accept();
    await world.pass(100);
    expect(stored.map((one) => one.message)).toEqual(['satu', 'dua', 'tiga']);
    expect(world.client.outbox.pending.get()).toEqual([]);
    expect(seqs(room)).toEqual([1, 2, 3]);
  });

  it('repeats under the same id when nobody knows whether it arrived', async () => {
    const { world, stored, room } = await open(0);
    world.answer('send-message', () => undefined);
    world.client.outbox.add({ roomId: 'lobby', message: 'sekali' });
    await settle();
    await world.drop();
    post(world, stored);
    await world.pass(3_000);
    await world.accept();
    await world.pass(5_000);
    const sent = world.sent.filter((one) => one.event === 'send-message');
    expect(new Set(sent.map((one) => one.payload.clientMessageId)).size).toBe(1);
    expect(sent.length).toBeGreaterThan(1);
    expect(stored).toHaveLength(1);
    expect(seqs(room)).toEqual([1]);
  });

  it('keeps what is refused until somebody decides, and goes on with the rest', async () => {
    const { world, stored } = await open(0);
    world.answer('send-message', () => ({ ok: false, error: { code: 'chat/muted', message: 'Muted' } }));
    world.client.outbox.add({ roomId: 'lobby', message: 'x' });
    await settle();
    const [failed] = world.client.outbox.pending.get();
    expect(failed).toMatchObject({ state: 'failed', error: { code: 'chat/muted' } });
    post(world, stored);
    world.client.outbox.add({ roomId: 'lobby', message: 'y' });
    await settle();
    expect(stored.map((one) => one.message)).toEqual(['y']);
    world.client.outbox.retry(failed?.clientMessageId ?? '');
    await settle();
    expect(stored.map((one) => one.message)).toEqual(['y', 'x']);
  });

  it('waits as long as the server says', async () => {
    const { world, stored } = await open(0);
    const error = { code: 'request/rate-limited', message: 'Slow down', retryAfterMs: 9_000 };
    world.answer('send-message', () => ({ ok: false, error }));
    world.client.outbox.add({ roomId: 'lobby', message: 'x' });
    await settle();
    post(world, stored);
    await world.pass(8_000);
    expect(stored).toHaveLength(0);
    await world.pass(2_000);
    expect(stored).toHaveLength(1);
  });

  it('sends what was written in a tab that was closed', async () => {
    const first = createWorld({}, memoryJournal());
    first.client.connect();
    await settle();
    first.client.outbox.add({ roomId: 'lobby', message: 'dari kemarin' });
    await settle();
    const second = first.reopen();
    const stored: ChatMessage[] = [];
    serve(second, stored);
    post(second, stored);
    second.client.connect();
    await settle();
    await second.accept();
    await second.pass(1_000);
    expect(stored.map((one) => one.message)).toEqual(['dari kemarin']);
    expect(first.reopen().client.outbox.pending.get()).toEqual([]);
  });
});
