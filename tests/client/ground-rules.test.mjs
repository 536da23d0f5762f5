/** What is refused, with which code, and that nothing a client sends hurts anybody else. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import WebSocket from 'ws';

import {
  PARSER, all, disconnected, emitAck, isAlive, join, mint, newRoom, next, ok, refusal, refused, request, say, settled, startStack, until,
} from './harness.mjs';

const INVALID = 'request/invalid-payload';
const FORBIDDEN = 'chat/room-forbidden';

const stack = await startStack({
  // Chat asks it at the door of an exam's room.
  exams: [{}],
  gateways: [
    {},
    {
      SINAESTA__LIMITS__MESSAGES_PER_MINUTE: '60',
      SINAESTA__LIMITS__USER_MESSAGES_PER_MINUTE: '90',
      SINAESTA__LIMITS__EVENTS_PER_MINUTE: '100',
      SINAESTA__GATEWAY__TOKEN_WARNING_S: '3',
      SINAESTA__AUTH__LEEWAY_S: '2',
    },
    { SINAESTA__AUTH__PROVISION_USERS: 'false' },
  ],
});
const { check } = stack;
const [open, strict, closed] = stack.gateways;
assert.ok(open && strict && closed);

// ── Payloads ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const anId = randomUUID();
const NOT_TEXT = [7, true, null, [], {}];
const BAD_ROOMS = [...NOT_TEXT, '', 'a b', 'a.b', 'room*', 'room>', 'é', 'a\u0000b', 'a/b', '../x', "x';--", 'x'.repeat(129),
  'mentor:', 'direct:x', `direct:${anId}:${anId}`, 'exam:7', 'study-group:x'];
const NOT_WHOLE = ['7', -1, 1.5, true, [], {}, 4_294_967_296, 1e300];

/** A payload that is right, and for each field values that are not. Fields marked `?` may be left out. */
const EVENTS = /** @type {Record<string, { right: object, wrong: Record<string, unknown[]> }>} */ ({
  'join-room': { right: { roomId: 'room-1' }, wrong: { roomId: BAD_ROOMS, 'sinceSeq?': NOT_WHOLE } },
  'leave-room': { right: { roomId: 'room-1' }, wrong: { roomId: BAD_ROOMS } },
  'send-message': {
    right: { roomId: 'room-1', message: 'x' },
    wrong: {
      roomId: BAD_ROOMS,
      message: [...NOT_TEXT, '', 'a\u0000b', 'x'.repeat(16_001)],
      'messageType?': ['system', 'video', '', 7, [], {}],
      'fileUrl?': [7, true, [], {}, '', 'x'.repeat(2_049)],
      'fileName?': [7, true, [], {}, '', 'a\u0000b', 'x'.repeat(256)],
      'fileSize?': NOT_WHOLE,
      'clientMessageId?': [7, true, [], {}, '', 'a\u0000b', 'x'.repeat(129)],
      'replyTo?': [7, true, [], {}, '', 'x', `${anId}0`],
    },
  },
  'typing-indicator': {
    right: { roomId: 'room-1', isTyping: true },
    wrong: { roomId: BAD_ROOMS, isTyping: ['true', 1, null, [], {}] },
  },
  'mark-message-read': { right: { messageId: anId }, wrong: { messageId: [...NOT_TEXT, '', 'x', `${anId}0`, 'a\u0000b'] } },
  'message-history': {
    right: { roomId: 'room-1' },
    wrong: { roomId: BAD_ROOMS, 'beforeSeq?': NOT_WHOLE, 'limit?': [...NOT_WHOLE, 0, 101] },
  },
  'set-status': { right: { status: 'away' }, wrong: { status: [...NOT_TEXT, '', 'offline', 'AWAY', 'invisible'] } },
  'auth-refresh': { right: { token: 'x' }, wrong: { token: NOT_TEXT } },
});

/**
 * Refused by acknowledgement and, without a callback, by the error event.
 *
 * @param {import('./harness.mjs').Client} client
 * @param {string} event
 * @param {unknown} payload
 * @param {string | string[]} code
 * @param {string} [field]
 */
async function refusedBothWays(client, event, payload, code, field) {
  const error = await refusal(client, event, payload, code);
  assert.doesNotMatch(error.message, PARSER, `${event} ${JSON.stringify(payload)?.slice(0, 120)}`);
  const shown = `${event} ${JSON.stringify(payload)?.slice(0, 120)}: ${JSON.stringify(error)}`;
  if (field) assert.equal(error.field, field, shown);
  if (payload === undefined) client.socket.emit(event);
  else client.socket.emit(event, payload);
  const { event: name, ...told } = await next(client, 'error');
  assert.deepEqual([name, told], [event, error], shown);
}

for (const [event, { right, wrong }] of Object.entries(EVENTS)) {
  check(`${event} refuses what is not its payload`, async () => {
    const client = await stack.connect({ token: stack.user().token });
    for (const payload of [undefined, null, [], [right], 'text', 7, true, {}]) {
      await refusedBothWays(client, event, payload, INVALID);
    }
    await settled(client);
  });

  for (const [name, values] of Object.entries(wrong)) {
    const field = name.replace('?', '');
    check(`${event} refuses a ${field} of the wrong kind and names the field`, async () => {
      const client = await stack.connect({ token: stack.user().token });
      for (const value of values) await refusedBothWays(client, event, { ...right, [field]: value }, INVALID, field);
      if (!name.endsWith('?')) {
        await refusedBothWays(client, event, Object.fromEntries(Object.entries(right).filter(([key]) => key !== field)),
          INVALID, field);
      }
      await settled(client);
      assert.equal(client.disconnects.length, 0);
    });
  }
}

check('a refused event changes nothing', async () => {
  const client = await stack.connect({ token: stack.user().token });
  const roomId = newRoom();
  await join(client, roomId);
  await refusal(client, 'send-message', { roomId, message: 'x', fileSize: -1 }, INVALID);
  await refusal(client, 'send-message', { roomId, message: 'x', fileUrl: 'https://evil.example/x' }, 'chat/file-host-not-allowed');
  assert.equal((await say(client, roomId, 'the first')).seq, 1);
});

check('files come from us or an allowed host, over http(s)', async () => {
  const client = await stack.connect({ token: stack.user().token });
  const roomId = newRoom();
  await join(client, roomId);
  for (const fileUrl of [
    'https://evil.example/x.pdf', 'https://files.sinaesta.id.evil.example/x', 'https://files.sinaesta.id@evil.example/x',
    'javascript:alert(1)', 'data:text/html,x', 'ftp://files.sinaesta.id/x', '//evil.example/x', 'not a url',
    'https://evil.example/https://files.sinaesta.id/x',
  ]) {
    await refusedBothWays(client, 'send-message', { roomId, message: 'x', messageType: 'file', fileUrl }, 'chat/file-host-not-allowed');
  }
});

check('an unknown event is answered with an error', async () => {
  const client = await stack.connect({ token: stack.user().token });
  for (const payload of [undefined, {}, { roomId: 'room-1' }, 'x', null]) {
    for (const event of ['no-such-event', 'receive-message', 'SEND-MESSAGE', '', 'message', 'toString']) {
      await refusedBothWays(client, event, payload, 'request/unknown-event');
    }
  }
  await settled(client);
});

check('more arguments than one do no harm', async () => {
  const client = await stack.connect({ token: stack.user().token });
  const roomId = newRoom();
  client.socket.emit('join-room', { roomId }, { roomId: 7 }, 'more');
  await until(() => all(client, 'room-joined').length + all(client, 'error').length > 0, { what: 'an answer' });
  await settled(client);
});

check('an event that is too large is refused and the connection lives', async () => {
  for (const transports of [['websocket'], ['polling']]) {
    const client = await stack.connect({ token: stack.user().token, transports });
    const roomId = newRoom();
    await join(client, roomId);
    await refusedBothWays(client, 'send-message', { roomId, message: 'x'.repeat(200_000) }, 'request/too-large');
    await refusedBothWays(client, 'no-such-event', { padding: 'x'.repeat(200_000) }, 'request/too-large');
    assert.equal((await say(client, roomId, 'still here')).seq, 1);
    assert.equal(client.disconnects.length, 0);
  }
});

check('binary where JSON is due is refused and the connection lives', async () => {
  for (const transports of [['websocket'], ['polling']]) {
    const client = await stack.connect({ token: stack.user().token, transports });
    const roomId = newRoom();
    await join(client, roomId);
    for (const event of [...Object.keys(EVENTS), 'heartbeat']) {
      const error = await refusal(client, event, Buffer.from([0, 1, 2, 255]), 'request/binary-not-accepted');
      client.socket.emit(event, Buffer.from([0, 1, 2, 255]));
      const { event: name, ...told } = await next(client, 'error');
      assert.deepEqual([name, told], [event, error]);
    }
    await refusal(client, 'send-message', { roomId, message: Buffer.from('x') }, 'request/binary-not-accepted');
    await settled(client);
    assert.equal((await say(client, roomId, 'still here')).seq, 1);
  }
});

check('a payload nested thousands deep is refused and the connection lives', async () => {
  const client = await stack.connect({ token: stack.user().token });
  /** @type {any} */
  let deep = 'x';
  for (let n = 0; n < 2_000; n += 1) deep = { roomId: deep };
  await refusedBothWays(client, 'join-room', deep, INVALID);
  await settled(client);
});

check('posting to a room that nobody has joined is refused', async () => {
  const client = await stack.connect({ token: stack.user().token });
  await refusal(client, 'send-message', { roomId: newRoom(), message: 'x' }, ['chat/room-not-found', 'chat/not-in-room']);
  await refusal(client, 'message-history', { roomId: newRoom() }, 'chat/room-not-found');
});

// ── Frames that the official client would not send ────────────────────────────────────────────────────────────────────

/** A WebSocket that speaks Engine.IO by hand and is signed in. @param {string} token */
async function rawSocket(token) {
  const socket = new WebSocket(`ws://127.0.0.1:${open.port}/socket.io/?EIO=4&transport=websocket`);
  /** @type {string[]} */
  const frames = [];
  let isClosed = false;
  socket.on('message', (data, isBinary) => {
    const text = isBinary ? 'binary' : data.toString();
    frames.push(text);
    if (text === '2') socket.send('3');
  });
  socket.on('close', () => (isClosed = true));
  socket.on('error', () => {});
  await until(() => frames.some((frame) => frame.startsWith('0{')), { what: 'the Engine.IO handshake' });
  socket.send(`40${JSON.stringify({ token })}`);
  await until(() => frames.some((frame) => frame.startsWith('40{')), { what: 'the Socket.IO handshake' });
  return { socket, frames, closed: () => isClosed };
}

const MALFORMED = /** @type {Record<string, (string | Buffer)[]>} */ ({
  'JSON that breaks off': ['42["send-message",{"roomId":"room-1","mess'],
  'no JSON at all': ['42not json'],
  'an event without a name': ['42[]'],
  'an event whose name is a number': ['42[7,{}]'],
  'an event whose name is an object': ['42[{"a":1},{}]'],
  'an object in place of the array': ['42{"a":1}'],
  'an empty event': ['42'],
  'an empty message': ['4'],
  'an unknown packet type': ['49["x"]'],
  'an unknown Engine.IO packet': ['9'],
  'a namespace that does not exist': ['42/nowhere,["join-room",{"roomId":"room-1"}]'],
  'a second connect packet': ['40{"token":"x"}'],
  'an acknowledgement nobody asked for': ['4399[1]'],
  'an acknowledgement id past any number': [`42${'9'.repeat(60)}["join-room",{"roomId":"room-1"}]`],
  'a binary event without its attachment': ['451-["send-message",{"_placeholder":true,"num":0}]', '42["heartbeat"]'],
  'a binary event with a million attachments': ['451000000-["send-message",{"_placeholder":true,"num":0}]'],
  'a placeholder out of range': ['451-["send-message",{"_placeholder":true,"num":9}]', Buffer.from([1])],
  'a binary frame out of nowhere': [Buffer.from([1, 2, 3])],
  'brackets a hundred thousand deep': [`42["join-room",${'['.repeat(100_000)}`],
  'a lone surrogate': ['42["send-message",{"roomId":"room-1","message":"\\ud800"}]'],
  'invalid escapes': ['42["join-room",{"roomId":"\\u00zz"}]'],
  'duplicate keys': ['42["join-room",{"roomId":"room-1","roomId":7}]'],
  'two megabytes at once': [`42["join-room",{"roomId":"${'x'.repeat(2_000_000)}"}]`],
});

// The control: without the second attempt with digits each of these is refused.
check('a whole number may be written with a fraction of nothing, and a fraction may not', async () => {
  const client = await stack.connect({ token: stack.user().token });
  const roomId = newRoom();
  await join(client, roomId);
  for (const n of [1, 2, 3]) await say(client, roomId, `message ${n}`);
  const raw = await rawSocket(stack.user().token);
  let id = 0;
  const ask = async (/** @type {string} */ event, /** @type {string} */ payload) => {
    const head = `43${(id += 1)}[`;
    raw.socket.send(`42${id}["${event}",${payload}]`);
    await until(() => raw.frames.some((frame) => frame.startsWith(head)), { what: `an answer to ${payload}` });
    return JSON.parse(/** @type {string} */ (raw.frames.find((frame) => frame.startsWith(head))).slice(head.length - 1))[0];
  };
  const joined = await ask('join-room', `{"roomId":"${roomId}","sinceSeq":1.0}`);
  assert.equal(joined.ok, true, JSON.stringify(joined));
  const page = await ask('message-history', `{"roomId":"${roomId}","beforeSeq":3.0,"limit":1e0}`);
  assert.deepEqual(page.messages?.map((/** @type {any} */ one) => one.seq), [2], JSON.stringify(page));
  const sent = await ask('send-message', `{"roomId":"${roomId}","message":"5.0 \\" 1.0","messageType":"file","fileUrl":"https://files.sinaesta.id/x","fileSize":2048.0}`);
  assert.equal(sent.ok, true, JSON.stringify(sent));
  assert.equal((await until(() => all(client, 'receive-message').find((one) => one.message === '5.0 " 1.0'), { what: 'the message' })).file_size, 2_048);
  for (const limit of ['1.5', '1e300', '-1.0', '4294967296.0']) {
    const { error } = await ask('message-history', `{"roomId":"${roomId}","limit":${limit}}`);
    assert.deepEqual([error.code, error.field], [INVALID, 'limit'], limit);
    assert.match(error.message, /^limit: must be /, limit);
  }
  raw.socket.terminate();
});

check('malformed frames hurt nobody but the socket that sent them', async () => {
  const witness = await stack.connect({ token: stack.user().token });
  const roomId = newRoom();
  await join(witness, roomId);
  const { token } = stack.user();
  for (const [what, frames] of Object.entries(MALFORMED)) {
    const raw = await rawSocket(token);
    for (const frame of frames) raw.socket.send(frame);
    // Whatever became of the frame itself, this socket is either served or closed: never left hanging.
    raw.socket.send('421["heartbeat"]');
    await until(() => raw.closed() || raw.frames.some((frame) => frame.startsWith('431[')), {
      timeout: 8_000,
      what: () => `an answer or the end after ${what}; got ${JSON.stringify(raw.frames.slice(2))}`,
    });
    raw.socket.terminate();
    await settled(witness);
  }
  await say(witness, roomId, 'all is well');
  assert.equal(witness.disconnects.length, 0);
  assert.ok(open.pid && isAlive(open.pid));
});

check('well-formed JSON that is not an event of ours is answered on the raw wire too', async () => {
  const raw = await rawSocket(stack.user().token);
  raw.socket.send('42["send-message",{"roomId":"room-1"}]');
  const frame = await until(() => raw.frames.find((each) => each.startsWith('42["error"')), { what: 'the error event' });
  assert.equal(JSON.parse(frame.slice(2))[1].code, INVALID);
  raw.socket.terminate();
});

check('a polling body that makes no sense gets an answer and hurts nobody', async () => {
  const witness = await stack.connect({ token: stack.user().token });
  for (const body of ['', '4', 'nonsense', '42["x"', Buffer.from([0xff, 0xfe, 0x1e]), `4${'x'.repeat(3_000_000)}`]) {
    const opened = await request(`${open.url}/socket.io/?EIO=4&transport=polling`);
    const { sid } = JSON.parse(opened.text.slice(1));
    const answer = await request(`${open.url}/socket.io/?EIO=4&transport=polling&sid=${sid}`, {
      method: 'POST', body, headers: { 'content-type': 'text/plain;charset=UTF-8' },
    }).catch((error) => ({ status: error.code === 'ECONNRESET' || error.code === 'EPIPE' ? 413 : 0 }));
    assert.ok(answer.status >= 200 && answer.status < 500, `${answer.status} for ${body.toString().slice(0, 20)}`);
    await settled(witness);
  }
  for (const query of ['', '?EIO=3&transport=polling', '?EIO=4&transport=carrier-pigeon', '?EIO=4&transport=polling&sid=nobody']) {
    const { status } = await request(`${open.url}/socket.io/${query}`);
    assert.ok(status >= 400 && status < 500, `${status} for ${query}`);
  }
  await settled(witness);
});

// ── The handshake ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** @param {object} options @param {string} message */
async function handshakeRefused(options, message) {
  for (const transports of [['websocket'], ['polling']]) {
    const error = await refused(stack.open({ ...options, transports }));
    assert.equal(error.message, message, JSON.stringify(options).slice(0, 200));
  }
}

check('a handshake without a token is refused', async () => {
  for (const options of [{}, { auth: {} }, { auth: { token: '' } }, { auth: { token: null } }]) {
    await handshakeRefused(options, 'Authentication error: No token provided');
  }
});

check('a handshake with a bad token is refused', async () => {
  const { jwtSecret } = stack.infra();
  const claims = { userId: randomUUID(), name: 'Mallory', email: 'm@example.org', role: 'STUDENT' };
  const now = Math.floor(Date.now() / 1000);
  const good = mint(jwtSecret, claims);
  const [head, body, signature] = good.split('.');
  const bad = {
    expired: mint(jwtSecret, { ...claims, exp: now - 5 }),
    'not yet valid': mint(jwtSecret, { ...claims, nbf: now + 600 }),
    'without exp': mint(jwtSecret, { ...claims, exp: undefined }),
    'exp of the wrong type': mint(jwtSecret, { ...claims, exp: 'tomorrow' }),
    'of another secret': mint('another secret of more than 32 bytes!', claims),
    'with an empty secret': mint('', claims),
    unsigned: mint(jwtSecret, claims, { alg: 'none' }),
    'with the signature cut off': `${head}.${body}.`,
    'of two parts': `${head}.${body}`,
    'with another body': `${head}.${Buffer.from(JSON.stringify({ ...claims, role: 'SUPER_ADMIN', exp: now + 3600 })).toString('base64url')}.${signature}`,
    'of another algorithm': mint(jwtSecret, claims, { alg: 'HS512' }),
    'without a user': mint(jwtSecret, { ...claims, userId: undefined }),
    'of a user whose id is no uuid': mint(jwtSecret, { ...claims, userId: "x' or 1=1" }),
    'with an unknown role': mint(jwtSecret, { ...claims, role: 'ROOT' }),
    nonsense: 'nonsense',
    dots: '..',
    // Past that the connection ends: `gateway.max_unsigned_bytes`.
    'as long as is read': 'x'.repeat(16_000),
  };
  for (const [what, token] of Object.entries(bad)) {
    const error = await refused(stack.open({ token, transports: ['websocket'] }));
    assert.equal(error.message, 'Authentication error: Invalid token', `a token ${what}`);
  }
  await handshakeRefused({ token: bad.expired }, 'Authentication error: Invalid token');
  await settled(await stack.connect({ token: good }));
});

check('a user we do not know is refused where users are not provisioned', async () => {
  const known = stack.user();
  await settled(await stack.connect({ token: known.token }));
  await settled(await stack.connect({ token: known.token, port: closed.port }));
  await handshakeRefused({ token: stack.user().token, port: closed.port }, 'Authentication error: User not found');
});

check('a refused handshake carries a stable code', async () => {
  const cases = /** @type {const} */ ([
    [{}, 'auth/no-token'],
    [{ token: 'nonsense' }, 'auth/invalid-token'],
    [{ token: stack.user().token, port: closed.port }, 'auth/user-not-found'],
  ]);
  for (const [options, code] of cases) {
    const error = /** @type {any} */ (await refused(stack.open(options)));
    assert.equal(error.data?.code, code);
  }
});

check('the user id may stand in userId, id or sub', async () => {
  for (const claim of ['userId', 'id', 'sub']) {
    const id = randomUUID();
    const { token } = stack.user({ claims: { userId: undefined, [claim]: id } });
    const client = await stack.connect({ token });
    const roomId = newRoom();
    await join(client, roomId);
    assert.equal((await say(client, roomId, 'me')).sender_id, id);
  }
});

check('the token may stand in the Authorization header', async () => {
  for (const transports of [['websocket'], ['polling']]) {
    const { token } = stack.user();
    await settled(await stack.connect({ transports, extraHeaders: { authorization: `Bearer ${token}` } }));
    const error = await refused(stack.open({ transports, extraHeaders: { authorization: 'Bearer nonsense' } }));
    assert.equal(error.message, 'Authentication error: Invalid token');
  }
});

check('a known user has the role that we know, whatever their token says', async () => {
  const owner = await stack.connect({ token: stack.user().token });
  const roomId = newRoom('mentor:case-');
  await join(owner, roomId);
  const student = stack.user();
  await settled(await stack.connect({ token: student.token }));
  const raised = stack.user({ id: student.id, role: 'SUPER_ADMIN' });
  const client = await stack.connect({ token: raised.token });
  await refusal(client, 'join-room', { roomId }, FORBIDDEN);
  await refusal(client, 'send-message', { roomId, message: 'x' }, FORBIDDEN);
});

// ── How long a token lasts ────────────────────────────────────────────────────────────────────────────────────────────

check('a client is told before its token expires, may renew it, and is disconnected at its end otherwise', async () => {
  const exp = Math.floor(Date.now() / 1000) + 6;
  const [renewing, idle] = [stack.user({ claims: { exp } }), stack.user({ claims: { exp } })];
  const a = await stack.connect({ token: renewing.token, port: strict.port });
  const b = await stack.connect({ token: idle.token, port: strict.port });
  for (const client of [a, b]) {
    const { expiresAt } = await next(client, 'token-expiring');
    assert.equal(Date.parse(expiresAt), exp * 1000);
    assert.ok(Date.now() < exp * 1000, 'told in time');
  }
  await refusal(a, 'auth-refresh', { token: 'nonsense' }, 'auth/invalid-token');
  await refusal(a, 'auth-refresh', { token: stack.user().token }, 'auth/other-user');
  const longer = stack.user({ id: renewing.id, claims: { exp: exp + 600 } });
  const reply = await ok(a, 'auth-refresh', { token: longer.token });
  assert.equal(Date.parse(reply.expiresAt), (exp + 600) * 1000);
  const { at, reason } = await disconnected(b, 15_000);
  // Two seconds of leeway.
  assert.ok(at >= exp * 1000 + 1_000 && at <= exp * 1000 + 5_000, `${reason} ${at - exp * 1000} ms after exp`);
  await settled(a);
  assert.equal(a.disconnects.length, 0);
});

// The control: with the socket's end at `exp`, a token that HTTP takes is connected with and disconnected at once.
check('a token that expired within the leeway opens a socket and renews one', async () => {
  const exp = Math.floor(Date.now() / 1000) - 1;
  const user = stack.user({ claims: { exp } });
  const client = await stack.connect({ token: user.token });
  assert.equal(Date.parse((await next(client, 'token-expiring')).expiresAt), exp * 1000);
  const again = await ok(client, 'auth-refresh', { token: stack.user({ id: user.id, claims: { exp: exp + 1 } }).token });
  assert.equal(Date.parse(again.expiresAt), (exp + 1) * 1000);
  await ok(client, 'auth-refresh', { token: stack.user({ id: user.id, claims: { exp: exp + 600 } }).token });
  await settled(client);
  assert.equal(client.disconnects.length, 0);
});

// ── How much one may send ─────────────────────────────────────────────────────────────────────────────────────────────

const LIMIT_TEXT = 'Rate limit exceeded. Please slow down.';

/** Sends `count` messages at once and says how many were let through. */
async function burst(client, roomId, count) {
  const replies = await Promise.all(
    Array.from({ length: count }, (_, n) => emitAck(client, 'send-message', { roomId, message: `${n}` })));
  for (const { ok: isOk, error } of replies) {
    if (isOk) continue;
    assert.equal(error.code, 'request/rate-limited');
    assert.equal(error.message, LIMIT_TEXT);
    assert.ok(Number.isInteger(error.retryAfterMs) && error.retryAfterMs > 0 && error.retryAfterMs <= 60_000, JSON.stringify(error));
  }
  return replies.filter((reply) => reply.ok).length;
}

check('one socket may send sixty messages a minute; more are refused and not processed', async () => {
  const client = await stack.connect({ token: stack.user().token, port: strict.port });
  const roomId = newRoom();
  await join(client, roomId);
  const sent = await burst(client, roomId, 75);
  assert.ok(sent >= 60 && sent <= 66, `${sent} of 75 were let through`);
  const { messages } = await ok(client, 'message-history', { roomId, limit: 100 });
  assert.equal(messages.length, sent);

  client.socket.emit('send-message', { roomId, message: 'x' });
  client.socket.emit('send-message', { roomId, message: 'x' });
  const error = await next(client, 'error');
  assert.deepEqual({ ...error, retryAfterMs: 0 },
    { code: 'request/rate-limited', message: LIMIT_TEXT, event: 'send-message', retryAfterMs: 0 });
  await settled(client);
});

check('one user may send ninety messages a minute over all sockets here', async () => {
  const user = stack.user();
  const roomId = newRoom();
  let sent = 0;
  for (let n = 0; n < 2; n += 1) {
    const client = await stack.connect({ token: user.token, port: strict.port });
    await join(client, roomId);
    sent += await burst(client, roomId, 58);
  }
  assert.ok(sent >= 90 && sent <= 100, `${sent} of 116 were let through`);
});

check('what is said in study groups counts like what is said in rooms', async () => {
  const client = await stack.connect({ token: stack.user().token, port: strict.port });
  const roomId = newRoom();
  await join(client, roomId);
  const { id: groupId } = await ok(client, 'study-group-create', { name: 'EKG' });
  const replies = await Promise.all(Array.from({ length: 40 }, (_, n) => [
    emitAck(client, 'send-message', { roomId, message: `${n}` }), emitAck(client, 'study-group-message', { groupId, message: `${n}` }),
  ]).flat());
  for (const { ok: isOk, error } of replies) assert.ok(isOk || error.code === 'request/rate-limited', JSON.stringify(error));
  const sent = replies.filter((reply) => reply.ok).length;
  assert.ok(sent >= 60 && sent <= 66, `${sent} of 80 were let through`);
});

check('other events have a limit of their own', async () => {
  const client = await stack.connect({ token: stack.user().token, port: strict.port });
  const roomId = newRoom();
  await join(client, roomId);
  const replies = await Promise.all(
    Array.from({ length: 150 }, () => emitAck(client, 'typing-indicator', { roomId, isTyping: true })));
  const through = replies.filter((reply) => reply.ok).length;
  assert.ok(through >= 90 && through <= 130, `${through} of 150 were let through`);
  for (const { ok: isOk, error } of replies) {
    if (!isOk) assert.deepEqual([error.code, error.message], ['request/rate-limited', LIMIT_TEXT]);
  }
  const witness = await stack.connect({ token: stack.user().token, port: strict.port });
  await settled(witness);
});

// ── Doors ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** This client may do nothing at all in the room. */
async function shutOut(client, roomId, messageId) {
  await refusedBothWays(client, 'join-room', { roomId }, FORBIDDEN);
  await refusedBothWays(client, 'send-message', { roomId, message: 'x' }, FORBIDDEN);
  // Who was let in nowhere is told so before anybody looks at the room.
  await refusedBothWays(client, 'typing-indicator', { roomId, isTyping: true }, [FORBIDDEN, 'chat/not-in-room']);
  await refusedBothWays(client, 'message-history', { roomId }, FORBIDDEN);
  if (messageId) await refusal(client, 'mark-message-read', { messageId }, ['chat/message-not-found', FORBIDDEN]);
}

check('a mentor room lets in the student who opened it, mentors and admins, and no other student', async () => {
  const roomId = newRoom('mentor:case-');
  const owner = await stack.connect({ token: stack.user().token });
  await join(owner, roomId);
  const { id } = await say(owner, roomId, 'for my mentor');
  const outsider = await stack.connect({ token: stack.user().token });
  await shutOut(outsider, roomId, id);
  for (const role of ['MENTOR', 'PROGRAM_ADMIN', 'SUPER_ADMIN']) {
    const client = await stack.connect({ token: stack.user({ role }).token });
    assert.equal((await join(client, roomId)).messages[0].id, id);
  }
  await say(owner, roomId, 'not for others');
  await next(owner, 'receive-message', (m) => m.seq === 2);
  await settled(outsider);
  for (const event of ['receive-message', 'typing-indicator', 'user-joined-room', 'message-read', 'room-joined']) {
    assert.deepEqual(all(outsider, event), [], `the outsider got ${event}`);
  }
  const { messages } = await ok(owner, 'message-history', { roomId });
  assert.deepEqual(messages.map((m) => [m.message, m.is_read]), [['for my mentor', false], ['not for others', false]]);
});

check('a mentor room that bears the id of a student is theirs even if somebody else comes first', async () => {
  const student = stack.user();
  const roomId = `mentor:${student.id}`;
  await shutOut(await stack.connect({ token: stack.user().token }), roomId);
  await join(await stack.connect({ token: stack.user({ role: 'MENTOR' }).token }), roomId);
  await join(await stack.connect({ token: student.token }), roomId);
});

check('a direct room is for its two users, in either order of their ids', async () => {
  const [ann, ben] = [stack.user(), stack.user()];
  const [a, b] = [await stack.connect({ token: ann.token }), await stack.connect({ token: ben.token })];
  const one = await join2(a, `direct:${ann.id}:${ben.id}`);
  const two = await join2(b, `direct:${ben.id}:${ann.id}`);
  assert.equal(one, two);
  const { id } = await say(a, `direct:${ben.id}:${ann.id}`, 'between us');
  assert.equal((await next(b, 'receive-message')).id, id);
  for (const role of ['STUDENT', 'MENTOR', 'SUPER_ADMIN']) {
    const outsider = await stack.connect({ token: stack.user({ role }).token });
    await shutOut(outsider, one, id);
    await shutOut(outsider, `direct:${ben.id}:${ann.id}`, id);
  }
});

/** Joins a room that may go by another spelling of its id; gives the id it goes by. */
async function join2(client, roomId) {
  await ok(client, 'join-room', { roomId });
  return (await next(client, 'room-joined')).roomId;
}

check('a study group and an exam are closed to those who are not in them', async () => {
  const student = await stack.connect({ token: stack.user().token });
  for (const prefix of ['study-group:', 'exam:']) await shutOut(student, newRoom(prefix));
  const mentor = await stack.connect({ token: stack.user({ role: 'MENTOR' }).token });
  await shutOut(mentor, newRoom('study-group:'));
});

check('any other room is open to whoever is signed in', async () => {
  for (const roomId of [newRoom(), newRoom('a:b:'), newRoom('Mentor:'), newRoom('mentor-room-'), `_${randomUUID()}`]) {
    const a = await stack.connect({ token: stack.user().token });
    const b = await stack.connect({ token: stack.user().token });
    await join(a, roomId);
    await join(b, roomId);
    await say(a, roomId, 'hello');
    await next(b, 'receive-message');
  }
  const longest = `${newRoom()}${'x'.repeat(128)}`.slice(0, 128);
  await join(await stack.connect({ token: stack.user().token }), longest);
});

check('open rooms can be closed by a setting', async () => {
  const [chat] = stack.chats;
  assert.ok(chat);
  const client = await stack.connect({ token: stack.user().token });
  await chat.stop();
  const other = await stack.addService('chat', { SINAESTA__CHAT__OPEN_ROOMS: 'false' });
  try {
    await refusal(client, 'join-room', { roomId: newRoom() }, FORBIDDEN);
    await join(client, newRoom('mentor:case-'));
  } finally {
    await other.stop();
    await chat.start();
  }
  await join(client, newRoom());
});
