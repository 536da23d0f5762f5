/** Every role against every kind of room and every action, each expected yes or no, none skipped. */
import assert from 'node:assert/strict';

import { emitAck, join, newRoom, ok, request, say, startStack } from './harness.mjs';
import { newExam, sitter } from './exam-helpers.mjs';

const stack = await startStack({ gateways: [{}, {}], chats: [{}, {}], exams: [{}] });
const [gateway, otherGateway] = stack.gateways;

/** @param {string} role @param {number} n */
async function person(role, n) {
  const user = stack.user({ role });
  const client = await stack.connect({ token: user.token, ...(n % 2 ? { port: otherGateway?.port } : {}) });
  return { user, client };
}

/** Who tries. `friend` has the right that the room's owner has, `stranger` has not. */
const WHO = /** @type {const} */ (['owner', 'friend', 'stranger', 'mentor', 'programAdmin', 'superAdmin']);
const STAFF = new Set(['mentor', 'programAdmin', 'superAdmin']);
const ROLES = { owner: 'STUDENT', friend: 'STUDENT', stranger: 'STUDENT', mentor: 'MENTOR', programAdmin: 'PROGRAM_ADMIN', superAdmin: 'SUPER_ADMIN' };

/** @typedef {Awaited<ReturnType<typeof person>>} Person @typedef {Record<typeof WHO[number], Person>} People */

/** Each kind of room: how it comes about, and who may be in it. @type {Record<string, { make: (people: People) => Promise<string>, may: string[] }>} */
const KINDS = {
  open: { make: async () => newRoom(), may: [...WHO] },
  'mentor, of one\'s own': { make: async ({ owner }) => `mentor:${owner.user.id}`, may: ['owner', ...STAFF] },
  'mentor, by a name': { make: async () => newRoom('mentor:x-'), may: ['owner', ...STAFF] },
  direct: { make: async ({ owner, friend }) => `direct:${owner.user.id}:${friend.user.id}`, may: ['owner', 'friend'] },
  'study group, public': {
    make: async ({ owner, friend }) => {
      const group = await ok(owner.client, 'study-group-create', { name: 'EKG' });
      await ok(friend.client, 'study-group-join', { groupId: group.id });
      return group.room_id;
    },
    may: ['owner', 'friend'],
  },
  'study group, private': {
    make: async ({ owner, friend }) => {
      const group = await ok(owner.client, 'study-group-create', { name: 'EKG', isPublic: false });
      await ok(owner.client, 'study-group-invite', { groupId: group.id, userId: friend.user.id });
      await ok(friend.client, 'study-group-join', { groupId: group.id });
      return group.room_id;
    },
    may: ['owner', 'friend'],
  },
  exam: {
    make: async ({ owner, friend, mentor }) => {
      const exam = await newExam(stack, mentor.user);
      for (const { user } of [owner, friend]) (await sitter(stack, exam.id, { user })).client.close();
      return `exam:${exam.id}`;
    },
    may: ['owner', 'friend', ...STAFF],
  },
};

const enters = (/** @type {string} */ who, /** @type {{ may: string[] }} */ kind) => kind.may.includes(who);
const looksAfter = (/** @type {string} */ who, /** @type {{ may: string[] }} */ _, /** @type {string} */ name) => STAFF.has(who) && name !== 'direct';
const FORBIDDEN = ['chat/room-forbidden'];
const UNSEEN = ['chat/message-not-found'];

/** A file of somebody's. @param {Person} who @returns {Promise<string>} its address */
async function upload({ user }) {
  const head = '--x\r\ncontent-disposition: form-data; name="file"; filename="ekg.pdf"\r\n\r\n';
  const answer = await request(`${gateway?.url}/api/files`, {
    method: 'POST',
    headers: { authorization: `Bearer ${user.token}`, 'content-type': 'multipart/form-data; boundary=x' },
    body: `${head}%PDF-1.7\nRahasia\r\n--x--\r\n`,
  });
  assert.equal(answer.status, 201, answer.text);
  return JSON.parse(answer.text).fileUrl;
}

/** Over HTTP what the other actions do over a socket: answers like an acknowledgement. @param {Person} who @param {string} path */
async function download({ user }, path) {
  const answer = await request(`${otherGateway?.url}${path}`, { headers: { authorization: `Bearer ${user.token}` } });
  return answer.status === 200 ? { ok: true, text: answer.text } : { ok: false, ...JSON.parse(answer.text) };
}

/**
 * Each action on a room with a message and a file of its owner's: what is sent (or, over HTTP, read), who may, and what
 * the others get.
 *
 * @type {Record<string, { send: (roomId: string, messageId: string, file: string) => [string, object] | string, may: (who: string, kind: any, name: string) => boolean, codes: string[], alsoOwner?: boolean }>}
 */
const ACTIONS = {
  join: { send: (roomId) => ['join-room', { roomId }], may: enters, codes: FORBIDDEN },
  post: { send: (roomId) => ['send-message', { roomId, message: 'x' }], may: enters, codes: FORBIDDEN },
  type: { send: (roomId) => ['typing-indicator', { roomId, isTyping: true }], may: enters, codes: [...FORBIDDEN, 'chat/not-in-room'] },
  read: { send: (roomId) => ['message-history', { roomId }], may: enters, codes: FORBIDDEN },
  search: { send: (roomId) => ['message-search', { roomId, query: 'rahasia' }], may: enters, codes: FORBIDDEN },
  'read a thread': { send: (_, messageId) => ['message-thread', { messageId }], may: enters, codes: UNSEEN },
  'mark read': { send: (_, messageId) => ['mark-message-read', { messageId }], may: (who, kind) => who !== 'owner' && enters(who, kind), codes: [...UNSEEN, 'chat/own-message'] },
  react: { send: (_, messageId) => ['message-react', { messageId, emoji: '👍' }], may: enters, codes: UNSEEN },
  'edit another\'s': { send: (_, messageId) => ['message-edit', { messageId, message: 'x' }], may: (who) => who === 'owner', codes: [...UNSEEN, 'chat/not-editable'] },
  mute: { send: (roomId) => ['mute-user', { roomId, userId: stack.user().id, minutes: 0 }], may: looksAfter, codes: ['auth/forbidden', ...FORBIDDEN] },
  'download a file': { send: (_, __, file) => file, may: enters, codes: ['file/not-found'] },
  'post another\'s file': { send: (roomId, _, file) => ['send-message', { roomId, message: 'x', fileUrl: file }], may: (who) => who === 'owner', codes: ['file/not-found', ...FORBIDDEN] },
  'remove another\'s': { send: (_, messageId) => ['message-remove', { messageId }], may: (who, kind, name) => who === 'owner' || looksAfter(who, kind, name), codes: ['auth/forbidden', ...UNSEEN] },
};

for (const [name, kind] of Object.entries(KINDS)) {
  stack.check(`who may do what in a room of the kind: ${name}`, async () => {
    const people = /** @type {People} */ (Object.fromEntries(await Promise.all(WHO.map(async (who, n) => [who, await person(ROLES[who], n)]))));
    const made = await kind.make(people);
    const { roomId } = await join(people.owner.client, made);
    const file = await upload(people.owner);
    await say(people.owner.client, roomId, 'Rahasia', { fileUrl: file, messageType: 'file' });
    let tried = 0;
    for (const who of WHO) {
      const { client } = people[who];
      for (const [action, { send, may, codes }] of Object.entries(ACTIONS)) {
        // A new message each time: what one does to it must not decide about the next.
        const message = await say(people.owner.client, roomId, 'Rahasia');
        const what = send(roomId, message.id, file);
        const reply = typeof what === 'string' ? await download(people[who], what) : await emitAck(client, what[0], {
          ...what[1], ...(action === 'mute' ? { userId: people.owner.user.id } : {}),
        });
        const expected = may(who, kind, name);
        assert.equal(reply.ok, expected, `${who} may ${expected ? '' : 'not '}${action}: ${JSON.stringify(reply).slice(0, 200)}`);
        if (!expected) assert.ok(codes.includes(reply.error.code), `${who}, ${action}: ${reply.error.code} is not one of ${codes}`);
        if (!expected) assert.ok(!JSON.stringify(reply).includes('Rahasia'), `${who}, ${action}: the answer tells what the message says`);
        tried += 1;
      }
    }
    assert.equal(tried, WHO.length * Object.keys(ACTIONS).length);
    // Nothing that happened in there reached anybody who may not be in it.
    for (const who of WHO.filter((one) => !kind.may.includes(one))) {
      const heard = people[who].client.received.filter((one) => JSON.stringify(one.payload ?? null).includes(roomId) && one.name !== 'error');
      const own = heard.filter((one) => !(STAFF.has(who) && ['user-muted', 'message-removed'].includes(one.name)));
      assert.deepEqual(own.map((one) => one.name), [], `${who} heard of ${roomId}`);
    }
  });
}
