/** People who keep talking while the services fall over, and the proof that nothing they said was lost. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { emitAck, until } from './harness.mjs';

/** Worth repeating with the same `clientMessageId`: it was not done, or nobody knows whether it was. */
const RETRYABLE = new Set(['server/busy', 'server/timeout', 'server/unavailable', 'server/internal', 'chat/not-in-room']);

/**
 * A client that stays in a room: it reconnects, resumes with `sinceSeq`, and keeps account of every message it was given.
 *
 * @param {import('./harness.mjs').Stack} stack
 * @param {string} roomId
 * @param {{ port?: number, user?: import('./harness.mjs').User, transports?: string[] }} [options]
 */
export async function participant(stack, roomId, { port, user = stack.user(), transports = ['websocket'] } = {}) {
  const client = stack.open({ port: port ?? stack.gateways[0]?.port, token: user.token, transports, reconnection: true });
  const { socket } = client;
  /** @type {Map<number, string>} */
  const seen = new Map();
  /** @type {string[]} */
  const problems = [];
  let contiguous = 0;
  let joined = false;
  let connection = 0;
  let resyncs = 0;

  const note = (/** @type {any} */ message) => {
    const known = seen.get(message.seq);
    if (known !== undefined && known !== message.id) problems.push(`seq ${message.seq} is ${known} and ${message.id}`);
    seen.set(message.seq, message.id);
    while (seen.has(contiguous + 1)) contiguous += 1;
  };

  /** Asks until the room is entered, and again while more was missed than fits one answer. */
  const enter = async () => {
    const mine = connection;
    for (;;) {
      if (mine !== connection || !socket.connected) return;
      const reply = await emitAck(client, 'join-room', { roomId, sinceSeq: contiguous }, 3_000).catch(() => null);
      if (reply?.ok && !reply.hasMore) return;
      if (!reply?.ok) await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };

  socket.on('connect', () => {
    connection += 1;
    joined = false;
    void enter();
  });
  socket.on('disconnect', (reason) => {
    joined = false;
    if (reason === 'io server disconnect') socket.connect();
  });
  socket.on('resync-required', (payload) => {
    if (payload.roomId !== roomId) return;
    resyncs += 1;
    joined = false;
    void enter();
  });
  socket.on('room-joined', (payload) => {
    if (payload.roomId !== roomId) return;
    payload.messages.forEach(note);
    if (!payload.hasMore) joined = true;
  });
  socket.on('receive-message', (message) => {
    if (message.room_id !== roomId) return;
    // Until the room's state is here, what is live may overlap with it; afterwards nothing may come twice or too early.
    if (joined && seen.has(message.seq)) problems.push(`seq ${message.seq} came twice on connection ${connection}`);
    else if (joined && message.seq !== contiguous + 1) {
      problems.push(`seq ${message.seq} came after ${contiguous} on connection ${connection}`);
    }
    note(message);
  });
  socket.connect();
  await until(() => joined, { timeout: 20_000, what: () => `the room to be joined: ${client.errors.at(-1)?.message ?? ''}` });

  /**
   * Repeats one message until it is acknowledged.
   *
   * @param {string} message
   * @param {number} deadline
   * @param {string} [clientMessageId]
   * @returns {Promise<any>}
   */
  async function post(message, deadline, clientMessageId = randomUUID()) {
    let last = 'never tried';
    for (;;) {
      assert.ok(Date.now() < deadline, `"${message}" was not acknowledged in time, last: ${last}`);
      await until(() => joined && socket.connected, { timeout: Math.max(1, deadline - Date.now()), what: 'being in the room' });
      const reply = await emitAck(client, 'send-message', { roomId, message, clientMessageId }, 3_000)
        .catch((error) => ({ ok: false, error: { code: 'server/timeout', message: error.message } }));
      if (reply.ok) return reply.message;
      last = JSON.stringify(reply.error);
      assert.ok(RETRYABLE.has(reply.error.code), `"${message}" was refused: ${last}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  return {
    client,
    user,
    roomId,
    post,
    seen,
    problems,
    get connections() {
      return connection;
    },
    get contiguous() {
      return contiguous;
    },
    get joined() {
      return joined && socket.connected;
    },
    get resyncs() {
      return resyncs;
    },
  };
}

/** @typedef {Awaited<ReturnType<typeof participant>>} Participant */
/** @typedef {Map<string, { id: string, seq: number, at: number }>} Acknowledged by what was said */

/**
 * Everybody says `each` messages, a few at a time.
 *
 * @param {Participant[]} people
 * @param {{ each: number, atOnce?: number, within?: number, acknowledged?: Acknowledged, enough?: () => boolean }} options
 *   `enough` ends it early
 */
export async function talk(people, { each, atOnce = 6, within = 80_000, acknowledged = new Map(), enough = () => false }) {
  const deadline = Date.now() + within;
  await Promise.all(people.map(async (person, who) => {
    let said = 0;
    await Promise.all(Array.from({ length: atOnce }, async () => {
      while (said < each && !enough()) {
        const text = `${person.roomId} ${who} says ${(said += 1)}`;
        const message = await person.post(text, deadline);
        assert.equal(message.message, text);
        acknowledged.set(text, { id: message.id, seq: message.seq, at: Date.now() });
      }
    }));
  }));
  return acknowledged;
}

/** All of a room's messages, page by page. @param {import('./harness.mjs').Client} client @param {string} roomId */
export async function wholeHistory(client, roomId) {
  /** @type {any[]} */
  const messages = [];
  for (let more = true; more;) {
    const page = await until(async () => {
      const reply = await emitAck(client, 'message-history',
        { roomId, limit: 100, ...(messages.length ? { beforeSeq: messages[0].seq } : {}) }, 5_000).catch(() => null);
      return reply?.ok && reply;
    }, { timeout: 20_000, what: 'a page of history' });
    messages.unshift(...page.messages);
    more = page.hasMore;
  }
  return messages;
}

/**
 * Nothing acknowledged is lost, nothing is stored or delivered twice, and `seq` has no gap.
 *
 * @param {import('./harness.mjs').Stack} stack
 * @param {Participant[]} people all in one room
 * @param {Acknowledged} acknowledged of that room
 */
export async function verify(stack, people, acknowledged) {
  const [first] = people;
  assert.ok(first);
  const { roomId } = first;
  const total = acknowledged.size;

  await until(() => first.joined, { timeout: 20_000, what: 'somebody to be in the room' });
  const history = await wholeHistory(first.client, roomId);
  assert.deepEqual(history.map((m) => m.seq), Array.from({ length: total }, (_, n) => n + 1), 'history is 1, 2, 3 …');
  const stored = new Map(history.map((m) => [m.message, m]));
  assert.equal(stored.size, total, 'no message is in history twice');
  for (const [text, { id, seq }] of acknowledged) {
    assert.deepEqual({ id: stored.get(text)?.id, seq: stored.get(text)?.seq }, { id, seq }, `"${text}" is as acknowledged`);
  }

  const [row] = await stack.sql(
    `select count(*)::int as rows, count(distinct seq)::int as seqs, min(seq)::int as first, max(seq)::int as last,
            count(distinct (sender_id, client_message_id))::int as sends
       from chat_messages where room_id = $1`, [roomId]);
  assert.deepEqual(row, { rows: total, seqs: total, first: 1, last: total, sends: total }, 'the table says the same');

  for (const [n, person] of people.entries()) {
    await until(() => person.contiguous >= total, {
      timeout: 20_000,
      what: () => `person ${n} to see ${total} messages: has ${person.seen.size}, without a gap up to ${person.contiguous}`,
    });
    assert.deepEqual(person.problems, [], `person ${n} (connections: ${person.connections}, resyncs: ${person.resyncs})`);
    assert.equal(person.seen.size, total);
    for (const message of history) assert.equal(person.seen.get(message.seq), message.id);
  }
}
