/** What one user sends delays nobody else, is bounded whatever the number of their sockets, and costs little once refused. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import process from 'node:process';

import {
  all, connected, DEFAULT_LIMITS, disconnected, emitAck, join, newRoom, next, ok, refused, request, say, settled, startStack, until,
} from './harness.mjs';
import { gif, png } from './pictures.mjs';
import { newExam, singles, sitter } from './exam-helpers.mjs';

const HELD_OFF_MS = 2_000;
const stack = await startStack({
  chats: [{}], exams: [{}], bells: [{}],
  gateways: [{}, { ...DEFAULT_LIMITS, SINAESTA__LIMITS__HELD_OFF_MS: String(HELD_OFF_MS), SINAESTA__FILES__UPLOAD_IDLE_MS: '4000' }],
});
const { check } = stack;
const [open, strict] = stack.gateways;
assert.ok(open && strict);
const RATE_LIMITED = 'request/rate-limited';
const BUSY = 'server/busy';

/** Somebody connected to the gateway with the limits that it has by default. @param {import('./harness.mjs').User} [user] */
const limited = (user = stack.user()) => stack.connect({ token: user.token, port: strict.port, transports: ['websocket'] });

/** While chat is frozen: it takes nothing and answers nothing. @param {() => Promise<void>} body */
async function frozen(body) {
  const [chat] = stack.chats;
  assert.ok(chat?.pid);
  process.kill(chat.pid, 'SIGSTOP');
  try {
    await body();
  } finally {
    process.kill(chat.pid, 'SIGCONT');
  }
}

/** How long it takes, in milliseconds. @param {Promise<unknown>} what */
async function took(what) {
  const began = Date.now();
  await what;
  return Date.now() - began;
}

/** What was refused, by its code. @param {any[]} replies */
function counted(replies) {
  /** @type {Record<string, number>} */
  const counts = {};
  for (const { ok: isOk, error } of replies) {
    const what = isOk ? 'ok' : error.code;
    counts[what] = (counts[what] ?? 0) + 1;
  }
  return counts;
}

/** Sends so many at once. @param {import('./harness.mjs').Client} client @param {string} event @param {(n: number) => unknown} payload */
const burst = (client, event, count, payload) =>
  Promise.all(Array.from({ length: count }, (_, n) => emitAck(client, event, payload(n), 20_000)));

// ── Queues ────────────────────────────────────────────────────────────────────────────────────────────────────────────

// The control: with typing asked in one of 32 queues that users share, every answer waits for five seconds.
check('typing that chat does not answer delays nobody, and not the typist either', async () => {
  const author = stack.user({ role: 'MENTOR' });
  const exam = await newExam(stack, author, { questions: singles(3) });
  const students = await Promise.all(Array.from({ length: 10 }, () => sitter(stack, exam.id)));
  const typists = await Promise.all(Array.from({ length: 70 }, async () => {
    const client = await stack.connect({ token: stack.user().token, transports: ['websocket'] });
    const roomId = newRoom();
    await join(client, roomId);
    return { client, roomId };
  }));
  const roomId = newRoom();
  for (const { client } of students) await join(client, roomId);
  await frozen(async () => {
    for (const one of typists) one.client.socket.emit('typing-indicator', { roomId: one.roomId, isTyping: true });
    for (const one of students) {
      one.client.socket.emit('typing-indicator', { roomId, isTyping: true });
      one.client.socket.emit('auth-refresh', { token: one.user.token });
      one.client.socket.emit('leave-room', { roomId });
    }
    const times = await Promise.all(students.map(({ client }) =>
      took(ok(client, 'exam-answer', { examId: exam.id, questionIndex: 0, answer: 1 }))));
    assert.ok(Math.max(...times) < 1_500, `answers were saved after ${times} ms`);
  });
});

// The control: where each is asked in its turn, chat is asked 200 times.
check('of a flood of typing the last state is what others see', async () => {
  const [one, two] = [await limited(), await limited()];
  const roomId = newRoom();
  await join(one, roomId);
  await join(two, roomId);
  const replies = await burst(one, 'typing-indicator', 201, (n) => ({ roomId, isTyping: n % 2 === 0 }));
  assert.deepEqual(counted(replies), { ok: 201 });
  await ok(one, 'typing-indicator', { roomId, isTyping: false });
  await ok(one, 'typing-indicator', { roomId, isTyping: true });
  await say(one, roomId, 'done');
  await next(two, 'receive-message', (message) => message.message === 'done');
  const seen = all(two, 'typing-indicator', (told) => told.roomId === roomId);
  assert.equal(seen.at(-1).isTyping, true);
  assert.ok(seen.length < 150, `${seen.length} of 203 were told`);
});

// The control: without the bound all thirty wait for chat.
check('sixteen commands of a user may be open; more wait for a moment, in their order, and are refused as busy', async () => {
  const user = stack.user();
  const [one, two] = [await limited(user), await limited(user)];
  const roomId = newRoom();
  await join(one, roomId);
  await join(two, roomId);
  let early = /** @type {any[]} */ ([]);
  let left = /** @type {Promise<any>[]} */ ([]);
  await frozen(async () => {
    const began = Date.now();
    const sent = [...Array(30).keys()].map((n) => ({ n, reply: emitAck(n % 2 ? one : two, 'send-message', { roomId, message: `${n}` }, 20_000) }));
    // Another's gateway has room, whoever is stuck.
    const other = await limited();
    await settled(other);
    const settledReplies = new Map();
    for (const { n, reply } of sent) reply.then((answer) => settledReplies.set(n, answer), () => {});
    await until(() => settledReplies.size === 14, { timeout: 5_000, what: () => `14 refusals, ${settledReplies.size} so far` });
    const after = Date.now() - began;
    assert.ok(after >= 900 && after < 3_000, `refused after ${after} ms`);
    early = [...settledReplies.values()];
    left = sent.filter(({ n }) => !settledReplies.has(n)).map(({ reply }) => reply);
  });
  assert.deepEqual(counted(early), { [BUSY]: 14 });
  assert.ok(early.every(({ error }) => error.retryAfterMs > 0 && error.retryAfterMs <= 1_000), JSON.stringify(early[0]));
  assert.deepEqual(counted(await Promise.all(left)), { ok: 16 });
  const { messages } = await ok(one, 'message-history', { roomId, limit: 100 });
  assert.equal(messages.length, 16);
});

// The control: without the bound shared with HTTP the list is answered.
check('eight queries of a user may be open, those over HTTP among them', async () => {
  const user = stack.user();
  const client = await limited(user);
  const roomId = newRoom();
  await join(client, roomId);
  await frozen(async () => {
    const replies = [...Array(12).keys()].map(() => emitAck(client, 'message-history', { roomId }, 20_000));
    const first = await Promise.race(replies);
    assert.equal(first.error.code, BUSY);
    const headers = { authorization: `Bearer ${user.token}` };
    const answer = await request(`${strict.url}/api/notifications`, { headers });
    assert.deepEqual([answer.status, JSON.parse(answer.text).error.code, answer.headers['retry-after']], [503, BUSY, '1']);
    const other = await request(`${strict.url}/api/notifications`, { headers: { authorization: `Bearer ${stack.user().token}` } });
    assert.equal(other.status, 200, other.text);
    const counts = counted(await Promise.all(replies));
    assert.equal(counts[BUSY], 4, JSON.stringify(counts));
  });
});

// ── Allowances ────────────────────────────────────────────────────────────────────────────────────────────────────────

// The control: with an allowance for each of the sockets that connect at the same moment all 200 go through.
check('a user has one allowance over five sockets that connect at the same moment', async () => {
  const user = stack.user();
  const clients = await Promise.all([...Array(5).keys()].map(() => limited(user)));
  const roomId = newRoom();
  for (const client of clients) await join(client, roomId);
  const began = Date.now();
  const replies = (await Promise.all(clients.map((client) => burst(client, 'send-message', 40, (n) => ({ roomId, message: `${n}` }))))).flat();
  const refilled = Math.ceil((Date.now() - began) / 500);
  const { ok: through = 0, [RATE_LIMITED]: over = 0 } = counted(replies);
  assert.ok(through <= 120 + refilled && over >= 80 - refilled, `${through} of 200 went through, ${over} were refused`);
});

// The control: with an allowance that ends with the socket all 180 go through.
check('a reconnect brings no fresh allowance', async () => {
  const user = stack.user();
  const roomId = newRoom();
  const began = Date.now();
  let through = 0;
  for (let n = 0; n < 4; n += 1) {
    const client = await limited(user);
    await join(client, roomId);
    through += counted(await burst(client, 'send-message', 45, (k) => ({ roomId, message: `${n} ${k}` }))).ok ?? 0;
    client.close();
  }
  assert.ok(through <= 120 + Math.ceil((Date.now() - began) / 500), `${through} of 180 went through`);
});

check('changes, lookups, exams and invitations have allowances of their own', async () => {
  const mentor = stack.user({ role: 'MENTOR' });
  const exam = await newExam(stack, mentor, { questions: singles(3) });
  const roomId = newRoom();
  const client = await limited();
  await join(client, roomId);
  const { id } = await say(client, roomId, 'react to this');
  /** @type {[string, number, (n: number) => unknown][]} */
  const classes = [
    ['message-react', 60, (n) => ({ messageId: id, emoji: n % 2 ? '👍' : '👎' })],
    ['message-history', 119, () => ({ roomId, limit: 1 })],
    ['join-exam', 10, () => ({ examId: exam.id })],
    ['study-group-invite', 30, () => ({ groupId: randomUUID(), userId: randomUUID() })],
  ];
  for (const [event, most, payload] of classes) {
    const began = Date.now();
    let over = 0;
    for (let n = 0; over === 0 && n < most + 40; n += 1) {
      const reply = await emitAck(client, event, payload(n));
      if (reply.error?.code === RATE_LIMITED) {
        over = n;
        assert.ok(reply.error.retryAfterMs > 0, JSON.stringify(reply));
      }
    }
    const refilled = Math.ceil(((Date.now() - began) / 60_000) * most) + 1;
    assert.ok(over >= most && over <= most + refilled, `${event}: ${over} of ${most} went through`);
  }
  // And none of these is another's.
  await say(client, roomId, 'still');
});

// The control: without the pause between two the room hears all twenty.
check('a status is set at most once a second, and the last one counts', async () => {
  const user = stack.user();
  const [one, two] = [await limited(user), await stack.connect({ token: stack.user().token })];
  const roomId = newRoom();
  await join(one, roomId);
  await join(two, roomId);
  const statuses = /** @type {const} */ (['away', 'busy', 'online']);
  const replies = [];
  // Not all in one moment, for chat makes one of those.
  for (let n = 0; n < 20; n += 1) {
    replies.push(emitAck(one, 'set-status', { status: n === 19 ? 'dnd' : statuses[n % 3] }));
    await settled(two);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  assert.deepEqual(counted(await Promise.all(replies)), { ok: 20 });
  await next(two, 'user-status-change', (told) => told.userId === user.id && told.status === 'dnd');
  const heard = all(two, 'user-status-change', (told) => told.userId === user.id);
  assert.ok(heard.length <= 3 && heard.at(-1).status === 'dnd', JSON.stringify(heard));
});

// The control: the acknowledgement has the questions each time.
check('a paper is sent once more only where the event has to have it', async () => {
  const exam = await newExam(stack, stack.user({ role: 'MENTOR' }), { questions: singles(3) });
  const { client, user, joined } = await sitter(stack, exam.id);
  assert.deepEqual([joined.exam.questions.length, 'questionsUnchanged' in joined], [3, false]);
  await next(client, 'exam-joined');
  const again = await ok(client, 'join-exam', { examId: exam.id });
  assert.deepEqual([again.exam.questions, again.questionsUnchanged, again.exam.title], [[], true, joined.exam.title]);
  const event = await next(client, 'exam-joined');
  assert.deepEqual([event.exam, 'questionsUnchanged' in event], [joined.exam, false]);
  const other = await sitter(stack, exam.id, { user });
  assert.equal(other.joined.exam.questions.length, 3);
});

// ── What is refused ───────────────────────────────────────────────────────────────────────────────────────────────────

// The control: without the count of refusals it is never disconnected, and is told of each.
check('who sends on past the limit is told seldom, then closed, and stays away for a while', async () => {
  const user = stack.user();
  const [client, beside] = [await limited(user), await limited(user)];
  const began = Date.now();
  for (let n = 0; n < 1_700; n += 1) client.socket.emit('typing-indicator', { roomId: 'room-1', isTyping: true });
  const { reason } = await disconnected(client);
  assert.equal(reason, 'io server disconnect');
  const errors = all(client, 'error', (error) => error.code === RATE_LIMITED);
  assert.ok(errors.length >= 1 && errors.length <= 2 + (Date.now() - began) / 1_000, `told ${errors.length} times`);
  const last = client.received.at(-1);
  assert.deepEqual([last?.name, last?.payload.code, last?.payload.retryAfterMs], ['error', 'request/flooding', HELD_OFF_MS]);
  const back = stack.open({ token: user.token, port: strict.port, transports: ['websocket'] });
  assert.equal((await refused(back)).message, 'Rate limit exceeded. Please slow down.');
  assert.ok(beside.socket.connected, 'the other socket stays');
  await until(() => Date.now() - began > HELD_OFF_MS + 500, { what: 'its time to be over' });
  await connected(back);
});

check('acknowledgements that refuse are sent up to a hundred a second', async () => {
  const client = await limited();
  let answered = 0;
  for (let n = 0; n < 1_400; n += 1) client.socket.emit('heartbeat', () => { answered += 1; });
  await until(() => answered >= 700, { what: () => `${answered} answers` });
  await settled(await limited());
  assert.ok(answered <= 600 + 60 + 300, `${answered} were answered`);
  assert.ok(client.socket.connected);
});

check('names that are written in another way count as what they are', async () => {
  const client = await limited();
  const engine = /** @type {any} */ (client.socket.io.engine);
  for (let n = 0; n < 12; n += 1) engine.write(`2[ "join-exam",{"examId":"${randomUUID()}"}]`);
  const codes = await until(() => {
    const errors = all(client, 'error');
    return errors.length >= 12 && errors.map(({ code }) => code);
  }, { what: 'twelve answers' });
  assert.equal(codes.filter((code) => code === RATE_LIMITED).length, 2, codes.join());
});

// ── HTTP ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

check('requests over HTTP have an allowance by user', async () => {
  const headers = { authorization: `Bearer ${stack.user().token}` };
  const began = Date.now();
  let through = 0;
  for (;;) {
    const answer = await request(`${strict.url}/api/notifications/preferences`, { headers });
    if (answer.status === 429) {
      assert.equal(JSON.parse(answer.text).error.code, RATE_LIMITED);
      assert.ok(Number(answer.headers['retry-after']) >= 1);
      break;
    }
    assert.equal(answer.status, 200, answer.text);
    through += 1;
  }
  assert.ok(through >= 300 && through <= 301 + (Date.now() - began) / 200, `${through} went through`);
  const other = await request(`${strict.url}/api/notifications/preferences`, { headers: { authorization: `Bearer ${stack.user().token}` } });
  assert.equal(other.status, 200);
});

// The control: without the bound the seventeenth is answered.
check('bodies that do not come keep a bounded number of requests open', async () => {
  const [mentor, other] = [stack.user({ role: 'MENTOR' }), stack.user()];
  const bearer = (/** @type {import('./harness.mjs').User} */ who) => ({ authorization: `Bearer ${who.token}` });
  const began = [...Array(16).keys()].map(() => {
    const sent = http.request(`${strict.url}/api/exams`, {
      method: 'POST', agent: false, headers: { ...bearer(mentor), 'content-type': 'application/json', 'content-length': '1000' },
    });
    sent.on('error', () => {});
    sent.write('{');
    return sent;
  });
  try {
    const one = () => request(`${strict.url}/api/notifications`, { headers: bearer(mentor) });
    const answer = await until(async () => {
      const got = await one();
      return got.status === 503 && got;
    }, { what: 'a refusal' });
    assert.equal(answer.headers['retry-after'], '1');
    assert.equal((await request(`${strict.url}/api/notifications`, { headers: bearer(other) })).status, 200);
    began.forEach((sent) => sent.destroy());
    await until(async () => (await one()).status === 200, { what: 'them to be over' });
  } finally {
    began.forEach((sent) => sent.destroy());
  }
});

// ── Uploads ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const BOUNDARY = 'b7c1';
/** @param {Buffer[]} files */
const form = (...files) => Buffer.concat([
  ...files.flatMap((file) => [Buffer.from(`--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\n`), file, Buffer.from('\r\n')]),
  Buffer.from(`--${BOUNDARY}--\r\n`),
]);
/** @param {import('./harness.mjs').User} who */
const uploadHeaders = (who) => ({ authorization: `Bearer ${who.token}`, 'content-type': `multipart/form-data; boundary=${BOUNDARY}` });

/** @param {import('./harness.mjs').User} who @param {Buffer[]} files */
async function upload(who, ...files) {
  const answer = await request(`${strict?.url}/api/files`, { method: 'POST', headers: uploadHeaders(who), body: form(...files) });
  return { status: answer.status, headers: answer.headers, body: JSON.parse(answer.text) };
}

/** An upload that begins and does not go on. @param {import('./harness.mjs').User} who @param {Buffer} file */
function stalled(who, file) {
  const body = form(file);
  const sent = http.request(`${strict?.url}/api/files`, { method: 'POST', headers: { ...uploadHeaders(who), 'content-length': String(body.length) }, agent: false });
  /** @type {Promise<number>} */
  const status = new Promise((resolve, reject) => {
    sent.on('response', (response) => resolve(response.resume().statusCode ?? 0));
    sent.on('error', reject);
  });
  status.catch(() => {});
  sent.write(body.subarray(0, body.length / 2));
  return { status, go: () => sent.end(body.subarray(body.length / 2)), stop: () => sent.destroy() };
}

// The control: with the permit taken before the body is read the picture waits until the first two give up.
check('uploads that stall keep nobody waiting, and end', async () => {
  const [a, b, c] = [stack.user(), stack.user(), stack.user()];
  const large = png(900, 900);
  const file = Buffer.concat([large, Buffer.alloc(200_000, 1)]);
  const stuck = [stalled(a, file), stalled(a, file), stalled(b, file), stalled(b, file)];
  await new Promise((resolve) => setTimeout(resolve, 300));
  const third = await upload(a, large);
  assert.deepEqual([third.status, third.body.error.code, third.headers['retry-after']], [503, BUSY, '1']);
  let status = 0;
  const ms = await took(upload(c, large).then((answer) => { status = answer.status; }));
  assert.ok(status === 201 && ms < 3_000, `status ${status} after ${ms} ms`);
  assert.deepEqual(await Promise.all(stuck.map((one) => one.status)), [408, 408, 408, 408]);
  assert.equal((await upload(a, large)).status, 201);
});

// The control: the GIF takes seconds of the processor, the PNG half a gigabyte.
check('images that stand for far more than they are get refused quickly', async () => {
  const [bomber, other] = [stack.user(), stack.user()];
  const deep = png(5_000, 6_000, { depth: 16, colour: 6 });
  const before = Date.now();
  const [small, ...bombs] = await Promise.all([upload(other, png(40, 30)), upload(bomber, gif(9_755)), upload(bomber, deep)]);
  const ms = Date.now() - before;
  assert.equal(small?.status, 201);
  for (const bomb of bombs) assert.deepEqual([bomb.status, bomb.body.error.code], [422, 'file/invalid-image']);
  assert.ok(ms < 3_000, `${ms} ms`);
  assert.equal((await upload(bomber, gif(20))).status, 201);
});

check('a form has one file', async () => {
  const user = stack.user();
  const answer = await upload(user, png(10, 10), png(10, 10));
  assert.deepEqual([answer.status, answer.body.error.code, answer.body.error.field], [400, 'request/invalid-payload', 'file']);
  const rows = await stack.sql('select id from files where owner_id = $1', [user.id]);
  assert.deepEqual(rows, []);
});
