/** Chat and presence, as the contract's table has them, on every transport. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import { jetstreamManager } from '@nats-io/jetstream';
import { connect as connectNats, headers as natsHeaders } from '@nats-io/transport-node';

import { holdCommits } from './commits.mjs';
import { all, connected, emitAck, join, newRoom, next, ok, refusal, say, settled, startStack, until } from './harness.mjs';

const stack = await startStack({ gateways: [{}, {}] });
const { check } = stack;
const [, otherGateway] = stack.gateways;

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Two people in a new open room. */
async function pair(roomId = newRoom()) {
  const [ann, ben] = [stack.user({ name: 'Ann' }), stack.user({ name: 'Ben' })];
  const a = await stack.connect({ token: ann.token });
  const b = await stack.connect({ token: ben.token });
  await join(a, roomId);
  await join(b, roomId);
  return { roomId, ann, ben, a, b };
}

for (const [how, transports] of /** @type {const} */ ([
  ['WebSocket alone', ['websocket']],
  ['long polling alone', ['polling']],
  ['the default upgrade', undefined],
])) {
  check(`a student and a mentor talk over ${how}`, async () => {
    const options = transports ? { transports: [...transports] } : {};
    const [student, mentor] = [stack.user({ name: 'Sari' }), stack.user({ role: 'MENTOR', name: 'Dr. Budi' })];
    const s = await stack.connect({ ...options, token: student.token });
    const m = await stack.connect({ ...options, token: mentor.token });
    const roomId = newRoom('mentor:case-');
    const seen = await join(s, roomId);
    assert.deepEqual(seen.messages, []);
    await join(m, roomId);
    if (!transports) {
      for (const client of [s, m]) {
        await until(() => client.socket.io.engine.transport.name === 'websocket', { what: 'the upgrade to WebSocket' });
      }
    }

    // As the documented client does it: no acknowledgement asked for.
    s.socket.emit('send-message', { roomId, message: 'I need help with this topic' });
    const [mine, theirs] = [await next(s, 'receive-message'), await next(m, 'receive-message')];
    assert.deepEqual(mine, theirs);
    assert.equal(theirs.sender_name, 'Sari');
    assert.equal(theirs.message, 'I need help with this topic');

    m.socket.emit('typing-indicator', { roomId, isTyping: true });
    assert.deepEqual(await next(s, 'typing-indicator'),
      { roomId, userId: mentor.id, userName: 'Dr. Budi', isTyping: true });
    m.socket.emit('mark-message-read', { messageId: theirs.id });
    const read = await next(s, 'message-read');
    assert.deepEqual(read, { messageId: theirs.id, roomId, readBy: mentor.id, readUpToSeq: 1 });
    m.socket.emit('send-message', { roomId, message: 'Where are you stuck?' });
    assert.equal((await next(s, 'receive-message')).sender_id, mentor.id);
    s.socket.emit('leave-room', { roomId });
    assert.equal((await next(m, 'user-left-room')).userId, student.id);
    assert.deepEqual(all(s, 'error').concat(all(m, 'error')), []);
    assert.equal(s.socket.io.engine.transport.name, transports ? transports[0] : 'websocket');
  });
}

check('joining shows the room: members, typing, positions and the last fifty messages, oldest first', async () => {
  const { roomId, ann, ben, a, b } = await pair();
  const sent = await Promise.all(Array.from({ length: 55 }, (_, n) => say(a, roomId, `message ${n}`)));
  await ok(b, 'mark-message-read', { messageId: sent.find((m) => m.seq === 20).id });
  await ok(a, 'typing-indicator', { roomId, isTyping: true });
  await next(b, 'typing-indicator');

  const room = await join(b, roomId);
  assert.deepEqual(Object.keys(room).sort(),
    ['hasMore', 'lastReadSeq', 'lastSeq', 'members', 'messages', 'roomId', 'typing']);
  assert.deepEqual(room.messages.map((m) => m.seq), Array.from({ length: 50 }, (_, n) => n + 6));
  assert.deepEqual([room.hasMore, room.lastSeq, room.lastReadSeq], [true, 55, 20]);
  assert.deepEqual(room.typing, [{ userId: ann.id, userName: 'Ann' }]);
  assert.deepEqual(room.members.toSorted((x, y) => x.userName.localeCompare(y.userName)), [
    { userId: ann.id, userName: 'Ann', status: 'online' },
    { userId: ben.id, userName: 'Ben', status: 'online' },
  ]);
});

check('joining with sinceSeq brings what was missed, up to five hundred at a time', async () => {
  const { roomId, a, b } = await pair();
  const total = 520;
  await Promise.all(Array.from({ length: total }, (_, n) => say(a, roomId, `message ${n}`)));

  const few = await join(b, roomId, { sinceSeq: 515 });
  assert.deepEqual([few.messages.map((m) => m.seq), few.hasMore], [[516, 517, 518, 519, 520], false]);
  const none = await join(b, roomId, { sinceSeq: total });
  assert.deepEqual([none.messages, none.hasMore, none.lastSeq], [[], false, total]);
  const first = await join(b, roomId, { sinceSeq: 0 });
  assert.deepEqual(first.messages.map((m) => m.seq), Array.from({ length: 500 }, (_, n) => n + 1));
  assert.equal(first.hasMore, true);
  const rest = await join(b, roomId, { sinceSeq: 500 });
  assert.deepEqual([rest.messages.length, rest.hasMore], [20, false]);
});

check('the others hear of somebody who enters, once, and not of their second tab or their return', async () => {
  const { roomId, ben, a, b } = await pair();
  const theirs = (payload) => payload.userId === ben.id;
  assert.deepEqual(await next(a, 'user-joined-room', theirs), { roomId, userId: ben.id, userName: 'Ben' });
  const tab = await stack.connect({ token: ben.token });
  await join(tab, roomId);
  b.close();
  const again = await stack.connect({ token: ben.token });
  await join(again, roomId);
  await say(again, roomId, 'back');
  await next(a, 'receive-message');
  assert.equal(all(a, 'user-joined-room', theirs).length, 1);
  assert.deepEqual(all(b, 'user-joined-room', theirs), [], 'nobody hears of themselves');
});

check('who leaves gets room-left, hears no more of the room, and the others are told', async () => {
  const { roomId, ben, a, b } = await pair();
  assert.deepEqual(await ok(b, 'leave-room', { roomId }), { ok: true, roomId });
  assert.deepEqual(await next(b, 'room-left'), { roomId });
  assert.deepEqual(await next(a, 'user-left-room'), { roomId, userId: ben.id, userName: 'Ben' });
  await say(a, roomId, 'anybody here?');
  await next(a, 'receive-message');
  await settled(b);
  assert.deepEqual(all(b, 'receive-message'), []);
  assert.deepEqual(all(b, 'user-left-room'), []);

  const { members } = await join(a, roomId);
  assert.deepEqual(members.map((member) => member.userName), ['Ann']);
  await join(b, roomId);
  await next(a, 'user-joined-room', (payload) => payload.userId === ben.id);
});

check('a message has every field, in snake case, and is the same to all', async () => {
  const { roomId, ann, a, b } = await pair();
  const message = await say(a, roomId, 'hello', { clientMessageId: 'mine-1' });
  assert.match(message.id, UUID_V7);
  assert.match(message.created_at, TIMESTAMP);
  assert.ok(Math.abs(Date.parse(message.created_at) - Date.now()) < 60_000);
  const { id, created_at, ...rest } = message;
  assert.deepEqual(rest, {
    room_id: roomId,
    seq: 1,
    sender_id: ann.id,
    sender_name: 'Ann',
    sender_avatar: null,
    message: 'hello',
    format: 'text',
    message_type: 'text',
    file_url: null,
    file_name: null,
    file_size: null,
    is_read: false,
    client_message_id: 'mine-1',
    reply_to: null,
  });
  assert.deepEqual(await next(a, 'receive-message'), message);
  assert.deepEqual(await next(b, 'receive-message'), message);
  const { messages } = await ok(b, 'message-history', { roomId });
  assert.deepEqual(messages, [message]);
});

check('a sender shows with the avatar of their token', async () => {
  const avatar = 'https://files.sinaesta.id/ann.png';
  const client = await stack.connect({ token: stack.user({ claims: { avatar } }).token });
  const roomId = newRoom();
  await join(client, roomId);
  assert.equal((await say(client, roomId, 'hello')).sender_avatar, avatar);
});

check('files, images and replies keep their fields', async () => {
  const { roomId, a, b } = await pair();
  const question = await say(a, roomId, 'Which lead?');
  const file = {
    message: 'ecg.pdf',
    messageType: 'file',
    fileUrl: 'https://files.sinaesta.id/a/ecg.pdf?v=1&x=2',
    fileName: 'ecg “final” <2>.pdf',
    fileSize: 4_294_967_295,
    replyTo: question.id,
  };
  await ok(b, 'send-message', { roomId, ...file });
  const got = await next(a, 'receive-message', (m) => m.seq === 2);
  assert.equal(got.message_type, 'file');
  assert.equal(got.file_url, file.fileUrl);
  assert.equal(got.file_name, file.fileName);
  assert.equal(got.file_size, file.fileSize);
  assert.equal(got.reply_to, question.id);
  const image = await say(b, roomId, 'x-ray', {
    messageType: 'image', fileUrl: 'https://files.sinaesta.id/a/x.png', fileName: 'x.png', fileSize: 0,
  });
  assert.deepEqual([image.message_type, image.file_size], ['image', 0]);
});

check('a reply to a message of another room is refused', async () => {
  const { roomId, a } = await pair();
  const elsewhere = newRoom();
  await join(a, elsewhere);
  const other = await say(a, elsewhere, 'elsewhere');
  await refusal(a, 'send-message', { roomId, message: 'x', replyTo: other.id }, 'chat/reply-not-found');
  await refusal(a, 'send-message', { roomId, message: 'x', replyTo: randomUUID() }, 'chat/reply-not-found');
});

check('a repeated clientMessageId is one message: stored once, delivered once, acknowledged again', async () => {
  const { roomId, a, b } = await pair();
  const clientMessageId = randomUUID();
  const replies = await Promise.all(Array.from({ length: 5 }, () => say(a, roomId, 'once', { clientMessageId })));
  const later = await say(a, roomId, 'once', { clientMessageId });
  for (const reply of [...replies, later]) assert.equal(reply.id, later.id);
  const theirs = await say(b, roomId, 'another sender', { clientMessageId });
  assert.notEqual(theirs.id, later.id);
  await next(b, 'receive-message', (m) => m.id === theirs.id);
  await next(a, 'receive-message', (m) => m.id === theirs.id);
  for (const client of [a, b]) {
    await settled(client);
    assert.deepEqual(all(client, 'receive-message').map((m) => m.seq), [1, 2]);
  }
  const { messages } = await ok(a, 'message-history', { roomId });
  assert.deepEqual(messages.map((m) => m.id), [later.id, theirs.id]);
});

check('messages of many senders are numbered 1, 2, 3 … and everybody gets them in that order', async () => {
  const { roomId, a, b } = await pair();
  const sent = await Promise.all(Array.from({ length: 200 }, (_, n) => say(n % 2 ? a : b, roomId, `message ${n}`)));
  const expected = Array.from({ length: 200 }, (_, n) => n + 1);
  assert.deepEqual(sent.map((m) => m.seq).sort((x, y) => x - y), expected);
  for (const client of [a, b]) {
    await next(client, 'receive-message', (m) => m.seq === 200);
    assert.deepEqual(all(client, 'receive-message').map((m) => m.seq), expected);
  }
});

check('what one socket sends without waiting is stored in the order it was sent', async () => {
  const { roomId, a, b } = await pair();
  for (let n = 0; n < 100; n += 1) a.socket.emit('send-message', { roomId, message: `${n}` });
  await next(b, 'receive-message', (m) => m.seq === 100);
  assert.deepEqual(all(b, 'receive-message').map((m) => m.message), Array.from({ length: 100 }, (_, n) => `${n}`));
});

check('plain text comes back unchanged to the character', async () => {
  const { roomId, a } = await pair();
  const texts = [
    'BP < 90 & HR > 120',
    'K+ <3.5 mmol/l',
    'x && y || z; 3 > 2',
    '"quoted" \'single\' `code`',
    'R&D & co',
    'dua baris\nsatu\ttab',
    '👩‍⚕️ Ω ≥ 5 µg — “ok” \u202Eabc',
    '1 < 2 > 0 & 5 <= 6',
  ];
  for (const text of texts) {
    const { message, format } = await say(a, roomId, text);
    assert.deepEqual([message, format], [text, 'text']);
  }
});

check('allowed HTML stays and the rest is stripped', async () => {
  const { roomId, a } = await pair();
  const exact = /** @type {const} */ ([
    ['<b>b</b> <i>i</i> <em>em</em> <strong>s</strong>', '<b>b</b> <i>i</i> <em>em</em> <strong>s</strong>'],
    ['<p>one<br>two</p>', '<p>one<br>two</p>'],
    ['<script>alert(1)</script>hello', null],
    ['<img src=x onerror=alert(1)>hi', 'hi'],
    ['<b onclick="alert(1)">bold</b>', '<b>bold</b>'],
    ['<div><u>text</u> kept</div>', 'text kept'],
    ['<iframe src="https://evil.example"></iframe>after', null],
    ['<svg/onload=alert(1)>after', null],
    ['<b>5 < 6 & 7', '<b>5 &lt; 6 &amp; 7</b>'],
    ['x<y and <b>z</b>', 'x&lt;y and <b>z</b>'],
  ]);
  for (const [sent, stored] of exact) {
    const { message, format } = await say(a, roomId, sent);
    assert.equal(format, 'html', `from ${sent}`);
    if (stored !== null) assert.equal(message, stored, `from ${sent}`);
    assert.doesNotMatch(message, /<script|onerror|onclick|onload|<img|<iframe|<svg/i, `from ${sent}`);
    assert.match(message, /hello|hi|bold|text|after|one|b|5/);
  }
});

check('links keep href and target, get rel, and can not carry a script', async () => {
  const { roomId, a } = await pair();
  const { message } = await say(a, roomId, '<a href="https://who.int/x?a=1" target="_blank" onclick="evil()" class="c">WHO</a>');
  assert.match(message, /^<a [^>]+>WHO<\/a>$/);
  for (const part of ['href="https://who.int/x?a=1"', 'target="_blank"', 'rel="noopener noreferrer"']) {
    assert.ok(message.includes(part), `${part} in ${message}`);
  }
  assert.doesNotMatch(message, /onclick|class/);
  const mail = (await say(a, roomId, '<a href="mailto:a@example.org">mail</a>')).message;
  assert.ok(mail.includes('href="mailto:a@example.org"') && mail.includes('rel="noopener noreferrer"'), mail);
  for (const href of ['javascript:alert(1)', 'JaVaScRiPt:alert(1)', 'java\tscript:alert(1)', 'data:text/html,x', 'vbscript:x']) {
    const bad = (await say(a, roomId, `<a href="${href}">x</a>`)).message;
    assert.doesNotMatch(bad, /href/, `from ${href}: ${bad}`);
    assert.ok(bad.includes('x'), bad);
  }
});

check('a message that is empty after sanitising is refused', async () => {
  const { roomId, a } = await pair();
  const nothing = ['   ', '<img src=x>', '<div></div>', '<script>alert(1)</script>', '<p> </p>', '<b></b><br>'];
  const invisible = ['\u200b\u2060\ufeff', '\u202e\u2066', '\u3164\u115f\uffa0', '\u2800', '\u00ad', '\ufe0f', '\u{e0041}', '<b>\u200d</b>'];
  for (const message of [...nothing, ...invisible]) {
    await refusal(a, 'send-message', { roomId, message }, 'chat/empty-message');
  }
  const { messages } = await ok(a, 'message-history', { roomId });
  assert.deepEqual(messages, []);
  // To a browser a comment is nothing; whoever types one sees it.
  assert.equal((await say(a, roomId, '<!-- nothing -->')).message, '&lt;!-- nothing --&gt;');
});

check('a message has up to 8,000 characters, whatever their size, counted as a reader sees them', async () => {
  const { roomId, a } = await pair();
  for (const message of ['x'.repeat(8_000), '🫀'.repeat(8_000), `<img src="${'y'.repeat(4_000)}">${'x'.repeat(8_000)}`]) {
    assert.equal([...(await say(a, roomId, message)).message].length, 8_000);
  }
  assert.equal((await say(a, roomId, `<b>${'<'.repeat(8_000)}`)).message, `<b>${'&lt;'.repeat(8_000)}</b>`);
  await refusal(a, 'send-message', { roomId, message: `<b>${'<'.repeat(8_001)}` }, 'chat/message-too-long');
  await refusal(a, 'send-message', { roomId, message: 'x'.repeat(8_001) }, 'chat/message-too-long');
  await refusal(a, 'send-message', { roomId, message: '🫀'.repeat(8_001) }, 'chat/message-too-long');
  assert.equal((await say(a, roomId, 'x')).seq, 5);
});

check('typing shows to the others only, and stops when they say so', async () => {
  const { roomId, ann, a, b } = await pair();
  for (const isTyping of [true, false]) {
    assert.equal((await ok(a, 'typing-indicator', { roomId, isTyping })).ok, true);
    assert.deepEqual(await next(b, 'typing-indicator'), { roomId, userId: ann.id, userName: 'Ann', isTyping });
  }
  await settled(a);
  assert.deepEqual(all(a, 'typing-indicator'), []);
  // Their other tab is not in the room.
  const tab = await stack.connect({ token: ann.token });
  await refusal(tab, 'typing-indicator', { roomId, isTyping: true }, 'chat/not-in-room');
  const { typing } = await join(b, roomId);
  assert.deepEqual(typing, []);
});

check('typing lapses by itself six seconds after it was said last, also for those who joined meanwhile, on whatever gateway', async () => {
  const { roomId, ann, a, b } = await pair();
  const began = Date.now();
  await ok(a, 'typing-indicator', { roomId, isTyping: true });
  await next(b, 'typing-indicator', (payload) => payload.isTyping);
  await delay(began + 3_500 - Date.now());
  const last = Date.now();
  await ok(a, 'typing-indicator', { roomId, isTyping: true });
  await next(b, 'typing-indicator', (payload) => payload.isTyping);
  const sees = async (/** @type {number | undefined} */ port) => {
    const client = await stack.connect({ token: stack.user().token, ...(port ? { port } : {}) });
    assert.deepEqual((await join(client, roomId)).typing, [{ userId: ann.id, userName: 'Ann' }]);
    return client;
  };
  const elsewhere = await sees(otherGateway?.port);
  await delay(began + 7_000 - Date.now());
  assert.deepEqual(all(b, 'typing-indicator', (payload) => !payload.isTyping), [], 'lapsed though it went on');
  for (const client of [b, await sees(undefined), elsewhere]) {
    const ended = await next(client, 'typing-indicator', (payload) => !payload.isTyping, 12_000);
    assert.deepEqual(ended, { roomId, userId: ann.id, userName: 'Ann', isTyping: false });
    const after = Date.now() - last;
    assert.ok(after >= 5_500 && after < 9_000, `lapsed after ${after} ms`);
  }
  // Joining shows it no longer either, as soon as what is stored has lapsed.
  const late = await stack.connect({ token: stack.user().token });
  await until(async () => (await join(late, roomId)).typing.length === 0, { timeout: 5_000, every: 100, what: 'nobody to type' });
});

check('who disconnects stops typing for the others at once', async () => {
  const { roomId, ann, a, b } = await pair();
  await ok(a, 'typing-indicator', { roomId, isTyping: true });
  await next(b, 'typing-indicator', (payload) => payload.isTyping);
  const began = Date.now();
  a.close();
  const stopped = await next(b, 'typing-indicator', (payload) => !payload.isTyping);
  assert.deepEqual(stopped, { roomId, userId: ann.id, userName: 'Ann', isTyping: false });
  assert.ok(Date.now() - began < 2_500, `it took ${Date.now() - began} ms`);
});

check('marking a message read marks everything up to it, and tells the room', async () => {
  const { roomId, ben, a, b } = await pair();
  const sent = [];
  for (const text of ['one', 'two', 'three']) sent.push(await say(a, roomId, text));
  const [, two, three] = sent;
  assert.ok(two && three);
  const expected = { messageId: two.id, roomId, readBy: ben.id, readUpToSeq: 2 };
  assert.deepEqual(await ok(b, 'mark-message-read', { messageId: two.id }), { ok: true, ...expected });
  assert.deepEqual(await next(a, 'message-read'), expected);
  const { messages } = await ok(a, 'message-history', { roomId });
  assert.deepEqual(messages.map((m) => m.is_read), [true, true, false]);
  assert.equal((await join(b, roomId)).lastReadSeq, 2);

  // Reading does not go backwards.
  await ok(b, 'mark-message-read', { messageId: three.id });
  await ok(b, 'mark-message-read', { messageId: two.id });
  assert.equal((await join(b, roomId)).lastReadSeq, 3);
});

check('nobody marks their own messages read', async () => {
  const { roomId, a } = await pair();
  const mine = await say(a, roomId, 'mine');
  await refusal(a, 'mark-message-read', { messageId: mine.id }, 'chat/own-message');
  await refusal(a, 'mark-message-read', { messageId: randomUUID() }, 'chat/message-not-found');
  const { messages } = await ok(a, 'message-history', { roomId });
  assert.deepEqual(messages.map((m) => m.is_read), [false]);
});

check('history comes in pages, oldest first in each', async () => {
  const { roomId, a } = await pair();
  await Promise.all(Array.from({ length: 120 }, (_, n) => say(a, roomId, `message ${n}`)));
  const page = async (more = {}) => {
    const reply = await ok(a, 'message-history', { roomId, ...more });
    return { seqs: reply.messages.map((m) => m.seq), hasMore: reply.hasMore };
  };
  const range = (from, to) => Array.from({ length: to - from + 1 }, (_, n) => from + n);
  assert.deepEqual(await page(), { seqs: range(71, 120), hasMore: true });
  assert.deepEqual(await page({ limit: 100 }), { seqs: range(21, 120), hasMore: true });
  assert.deepEqual(await page({ limit: 100, beforeSeq: 21 }), { seqs: range(1, 20), hasMore: false });
  assert.deepEqual(await page({ limit: 20, beforeSeq: 21 }), { seqs: range(1, 20), hasMore: false });
  assert.deepEqual(await page({ limit: 1 }), { seqs: [120], hasMore: true });
  assert.deepEqual(await page({ beforeSeq: 1 }), { seqs: [], hasMore: false });
});

/**
 * Chooses a status, when it is time for the next one.
 *
 * @param {any} client
 * @param {string} status
 */
async function choose(client, status) {
  const reply = await emitAck(client, 'set-status', { status });
  if (reply.ok || reply.error.code !== 'request/rate-limited') return reply;
  await delay(reply.error.retryAfterMs);
  return ok(client, 'set-status', { status });
}

check('a chosen status shows to those who share a room, and to nobody else', async () => {
  const { ann, a, b } = await pair();
  const stranger = await stack.connect({ token: stack.user().token });
  await join(stranger, newRoom());
  for (const status of ['away', 'busy', 'dnd', 'online']) {
    assert.deepEqual(await choose(a, status), { ok: true, status });
    const change = await next(b, 'user-status-change', (payload) => payload.userId === ann.id && payload.status === status);
    assert.match(change.lastSeen, TIMESTAMP);
    assert.deepEqual({ ...change, lastSeen: null }, { userId: ann.id, userName: 'Ann', status, lastSeen: null });
  }
  await settled(stranger);
  assert.deepEqual(all(stranger, 'user-status-change', (payload) => payload.userId === ann.id), []);
});

check('members show with their status', async () => {
  const { roomId, ann, a, b } = await pair();
  await ok(a, 'set-status', { status: 'dnd' });
  const { members } = await join(b, roomId);
  assert.equal(members.find((member) => member.userId === ann.id).status, 'dnd');
});

check('coming and going shows to those who share a room; a quick return makes no noise', async () => {
  const { roomId, ann, ben, a, b } = await pair();
  const [cat, dan] = [stack.user({ name: 'Cat' }), stack.user({ name: 'Dan' })];
  const stranger = await stack.connect({ token: dan.token });
  await join(stranger, newRoom());
  const c = await stack.connect({ token: cat.token });
  await join(c, roomId);
  await settled(a);
  const before = all(a, 'user-status-change', (payload) => payload.userId === ben.id).length;

  // Ben is back within the grace period; Cat, who went later, stays away.
  b.close();
  const again = await stack.connect({ token: ben.token });
  await join(again, roomId);
  const left = Date.now();
  c.close();
  const offline = await next(a, 'user-status-change', (payload) => payload.userId === cat.id && payload.status === 'offline', 15_000);
  assert.ok(Date.now() - left >= 4_500, `offline after ${Date.now() - left} ms`);
  assert.deepEqual([offline.userName, TIMESTAMP.test(offline.lastSeen)], ['Cat', true]);
  assert.equal(all(a, 'user-status-change', (payload) => payload.userId === ben.id).length, before, 'Ben made noise');
  const { members } = await join(a, roomId);
  assert.deepEqual(Object.fromEntries(members.map((member) => [member.userId, member.status])),
    { [ann.id]: 'online', [ben.id]: 'online', [cat.id]: 'offline' });

  const back = await stack.connect({ token: cat.token });
  const online = await next(a, 'user-status-change', (payload) => payload.userId === cat.id && payload.status === 'online');
  assert.equal(online.userName, 'Cat');
  await settled(back);
  await settled(stranger);
  assert.deepEqual(all(stranger, 'user-status-change', (payload) => payload.userId !== dan.id), []);
});

check('somebody with two tabs stays online when one closes, and is offline after the last', async () => {
  const { roomId, ben, a, b } = await pair();
  const [cat, dan] = [stack.user({ name: 'Cat' }), stack.user({ name: 'Dan' })];
  const tab = await stack.connect({ token: ben.token });
  const c = await stack.connect({ token: cat.token });
  const both = [await stack.connect({ token: dan.token }), await stack.connect({ token: dan.token })];
  for (const client of [tab, c, ...both]) await join(client, roomId);
  b.close();
  for (const client of both) client.close();
  await settled(tab);
  c.close();
  for (const { id } of [cat, dan]) {
    await next(a, 'user-status-change', (payload) => payload.userId === id && payload.status === 'offline', 15_000);
  }
  assert.deepEqual(all(a, 'user-status-change', (payload) => payload.userId === ben.id && payload.status === 'offline'), []);
});

check('a heartbeat is answered with the server time, by event and by acknowledgement', async () => {
  const client = await stack.connect({ token: stack.user().token });
  client.socket.emit('heartbeat');
  const { serverTime } = await next(client, 'heartbeat-ack');
  assert.match(serverTime, TIMESTAMP);
  assert.ok(Math.abs(Date.parse(serverTime) - Date.now()) < 5_000);
  assert.match((await emitAck(client, 'heartbeat', {})).serverTime, TIMESTAMP);
});

check('a reconnecting client resumes where it was', async () => {
  const { roomId, a, b } = await pair();
  await say(a, roomId, 'one');
  const { seq } = await next(b, 'receive-message');
  b.socket.disconnect();
  await say(a, roomId, 'two');
  await say(a, roomId, 'three');
  await connected(b);
  const { messages } = await join(b, roomId, { sinceSeq: seq });
  assert.deepEqual(messages.map((m) => m.message), ['two', 'three']);
  await say(a, roomId, 'four');
  assert.equal((await next(b, 'receive-message')).message, 'four');
});

/** @param {number} from @param {number} to */
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, n) => from + n);

/** What a client was told of a room's messages, by their seq. @param {any} client @param {string} roomId */
const seqs = (client, roomId) => all(client, 'receive-message', (m) => m.room_id === roomId).map((m) => m.seq);

/**
 * Messages that are stored and that nobody was told of, and a way to count them in their room.
 *
 * @param {string} roomId
 * @param {{ id: string, name: string }} sender
 * @param {number} count
 */
async function storeUntold(roomId, sender, count) {
  const [{ last_seq: last }] = await stack.sql('select last_seq from chat_rooms where id = $1', [roomId]);
  const stored = await stack.sql(
    `insert into chat_messages (id, room_id, seq, sender_id, sender_name, message, message_type, created_at)
     select overlay(first_id(now())::text placing right(gen_random_uuid()::text, 12) from 25)::uuid, $1, seq, $3, $4, 'untold ' || seq, 'text', now()
       from generate_series($2::bigint + 1, $2::bigint + $5) seq returning *`, [roomId, last, sender.id, sender.name, count]);
  return { stored, count: () => stack.sql('update chat_rooms set last_seq = last_seq + $2 where id = $1', [roomId, count]) };
}

/** @param {(nats: import('@nats-io/transport-node').NatsConnection) => Promise<void>} body */
async function withNats(body) {
  stack.mine();
  const nats = await connectNats(stack.broker());
  try {
    await body(nats);
  } finally {
    await nats.close();
  }
}

/**
 * While `body` runs, deliveries are stored and do not reach the gateways.
 *
 * @param {import('@nats-io/transport-node').NatsConnection} nats
 * @param {(manager: import('@nats-io/jetstream').JetStreamManager) => Promise<void>} body
 */
async function onTheWayLost(nats, body) {
  const manager = await jetstreamManager(nats);
  const { config } = await manager.streams.info('DELIVERIES');
  const { republish } = config;
  await manager.streams.update('DELIVERIES', { republish: { src: 'deliver.>', dest: 'lost.>' } });
  try {
    await body(manager);
  } finally {
    await manager.streams.update('DELIVERIES', { republish });
  }
}

check('who comes and goes while others talk has each message from their snapshot on, once and in order', async () => {
  const roomId = newRoom();
  const talkers = await Promise.all([0, 1, 2].map(async (n) => {
    const client = await stack.connect({ token: stack.user().token, port: stack.gateways[n % 2]?.port, transports: ['websocket'] });
    await join(client, roomId);
    return client;
  }));
  const visitors = await Promise.all(Array.from({ length: 8 }, (_, n) =>
    stack.connect({ token: stack.user().token, port: stack.gateways[n % 2]?.port, transports: ['websocket'] })));
  let isOver = false;
  const talking = Promise.all(talkers.map(async (client) => {
    for (let n = 0; n < 25; n += 1) await Promise.all([say(client, roomId, `${n}`), say(client, roomId, `${n}, too`)]);
  })).then(() => (isOver = true));
  let visits = 0;
  await Promise.all(visitors.map(async (client, n) => {
    while (!isOver) {
      client.received.length = 0;
      const { lastSeq } = await join(client, roomId);
      await until(() => seqs(client, roomId).length > n || isOver, { every: 1 });
      await ok(client, 'leave-room', { roomId });
      const told = seqs(client, roomId);
      assert.deepEqual(told, range(lastSeq + 1, lastSeq + told.length), `after a snapshot up to ${lastSeq}`);
      const count = told.length;
      await settled(client);
      assert.equal(seqs(client, roomId).length, count, 'told of a room that was left');
      visits += 1;
    }
  }));
  await talking;
  for (const client of talkers) {
    await until(() => seqs(client, roomId).length >= 150);
    assert.deepEqual(seqs(client, roomId), range(1, 150));
  }
  assert.ok(visits > 20, `${visits} visits`);
});

check('a snapshot that is older than the room is followed by what went out meanwhile', async () => {
  await withNats(async (nats) => {
    const { roomId, ann, a, b } = await pair();
    await say(a, roomId, 'one');
    const cat = stack.user();
    const c = await stack.connect({ token: cat.token });
    const commits = await holdCommits(stack, 'chat_room_sockets', cat.id);
    const joining = join(c, roomId);
    await commits.reached();
    // The room is read, and the answer is to come: what follows the snapshot overtakes it.
    const { stored: [{ id }], count } = await storeUntold(roomId, ann, 1);
    const { messages: [as] } = await ok(a, 'message-history', { roomId, limit: 1 });
    assert.equal(as.id, id);
    const headers = natsHeaders();
    for (const [name, value] of Object.entries({ 'Sinaesta-Event': 'receive-message', 'Sinaesta-Seq': '2' })) headers.set(name, value);
    // Once more under another id, which the broker does not know it by.
    for (const of of [`${id}.0`, `${id}.again`]) {
      headers.set('Nats-Msg-Id', of);
      nats.publish(`deliver.room.${roomId}`, JSON.stringify(as), { headers });
    }
    await next(b, 'receive-message', (message) => message.seq === 2);
    await commits.release();
    const { lastSeq } = await joining;
    assert.equal(lastSeq, 1);
    await count();
    await say(a, roomId, 'three');
    for (const client of [a, b, c]) await next(client, 'receive-message', (message) => message.seq === 3);
    for (const client of [a, b]) assert.deepEqual(seqs(client, roomId), [1, 2, 3]);
    assert.deepEqual(seqs(c, roomId), [2, 3], 'what followed the snapshot, once');
  });
});

check('a snapshot that is newer than the room is followed by what comes after it, and the others get what they lack', async () => {
  const { roomId, ann, a, b } = await pair();
  await say(a, roomId, 'one');
  await (await storeUntold(roomId, ann, 2)).count();
  const c = await stack.connect({ token: stack.user().token });
  const { lastSeq } = await join(c, roomId);
  assert.equal(lastSeq, 3);
  // Nothing else is said that would show the gap.
  for (const client of [a, b]) await next(client, 'receive-message', (message) => message.seq === 3);
  await say(a, roomId, 'four');
  for (const client of [a, b, c]) await next(client, 'receive-message', (message) => message.seq === 4);
  for (const client of [a, b]) assert.deepEqual(seqs(client, roomId), [1, 2, 3, 4]);
  assert.deepEqual(seqs(c, roomId), [4], 'what the snapshot has is not told again');
});

check('what is lost on the way is read from the stream, and what is lost from the stream too is had from chat', async () => {
  await withNats(async (nats) => {
    const { roomId, ben, a, b } = await pair();
    const one = await say(a, roomId, 'one');
    await next(b, 'receive-message', (message) => message.seq === 1);
    await onTheWayLost(nats, async (manager) => {
      await ok(b, 'mark-message-read', { messageId: one.id });
      await say(a, roomId, 'two');
      const lost = await until(() => manager.streams.getMessage('DELIVERIES', { last_by_subj: `deliver.room.${roomId}` })
        .then((message) => message?.header.get('Sinaesta-Seq') === '2' && message), { what: 'the delivery to be stored' });
      await manager.streams.deleteMessage('DELIVERIES', lost.seq);
    });
    assert.deepEqual(seqs(b, roomId), [1]);
    await say(a, roomId, 'three');
    for (const client of [a, b]) {
      await next(client, 'receive-message', (message) => message.seq === 3);
      assert.deepEqual(seqs(client, roomId), [1, 2, 3]);
    }
    // Only the stream knows of this one; whoever read is passed over.
    const order = a.received.filter(({ name }) => ['receive-message', 'message-read'].includes(name)).map(({ name, payload }) => payload.seq ?? name);
    assert.deepEqual(order, [1, 'message-read', 2, 3]);
    assert.equal(all(a, 'message-read')[0].readBy, ben.id);
  });
});

check('more than a page of messages that nobody was told of comes before the one that shows the gap', async () => {
  const { roomId, ann, a, b } = await pair();
  await say(a, roomId, 'one');
  await (await storeUntold(roomId, ann, 250)).count();
  await say(a, roomId, 'the last one');
  for (const client of [a, b]) {
    await next(client, 'receive-message', (message) => message.seq === 252);
    assert.deepEqual(seqs(client, roomId), range(1, 252));
  }
});

check('what waited for the service is done in its order, and all that it leads to is told in its order', async () => {
  await withNats(async (nats) => {
    const [chat] = stack.chats;
    assert.ok(chat);
    const [owner, mover] = [stack.user(), stack.user()];
    const [o, m] = await Promise.all([stack.connect({ token: owner.token }), stack.connect({ token: mover.token })]);
    const { id: groupId, room_id: roomId } = await ok(o, 'study-group-create', { name: 'EKG', maxMembers: 5 });
    const elsewhere = newRoom();
    await join(o, elsewhere);
    /** @type {string[]} */
    const published = [];
    nats.subscribe(`live.room.${roomId}`, { callback: (error, message) => void (error ?? published.push(message.headers?.get('Sinaesta-Event') ?? '')) });
    await nats.flush();
    await chat.stop();
    // Commands of three kinds under one key, one after another on the broker, and one under another key between them.
    const pending = [];
    for (let n = 1; n <= 3; n += 1) {
      for (const [client, event, payload] of /** @type {[any, string, object][]} */ ([
        [o, 'send-message', { roomId, message: `${n}` }],
        [o, 'send-message', { roomId: elsewhere, message: `${n}` }],
        [m, 'study-group-join', { groupId }],
        [m, 'study-group-leave', { groupId }],
      ])) {
        const reply = emitAck(client, event, payload, 30_000);
        // To enter the group's room is another command: by then they have left again, and the socket may be closed.
        if (event === 'study-group-join') reply.catch(() => {});
        else pending.push(reply);
        // Each socket keeps its own order: the other one goes on when what this one sent is with the broker.
        await settled(client);
      }
    }
    await chat.start();
    for (const reply of await Promise.all(pending)) assert.equal(reply.ok, true, JSON.stringify(reply));
    await next(o, 'receive-message', (message) => message.room_id === elsewhere && message.seq === 3);
    const LABELS = /** @type {Record<string, (payload: any) => string | undefined>} */ ({
      'receive-message': (payload) => (payload.room_id === roomId ? payload.message : undefined),
      'study-group-member-joined': (payload) => `joined: ${payload.memberCount}`,
      'study-group-member-left': (payload) => `left: ${payload.memberCount}`,
    });
    const told = () => o.received.map(({ name, payload }) => LABELS[name]?.(payload)).filter((label) => label !== undefined);
    const expected = [1, 2, 3].flatMap((n) => [`${n}`, 'joined: 2', 'left: 1']);
    await until(() => told().length >= expected.length, { what: () => `${expected}, got ${told()}` });
    assert.deepEqual(told(), expected);
    // The last command's are two: who has left, and then how many are left.
    assert.deepEqual(published, [1, 2, 3].flatMap(() => ['receive-message', 'study-group-member-joined', 'room-removed', 'study-group-member-left']));
  });
});
