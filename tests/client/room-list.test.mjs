/** One's rooms, as a list of conversations shows them. */
import assert from 'node:assert/strict';

import { join, newRoom, next, ok, say, startStack } from './harness.mjs';
import { newExam, sitter } from './exam-helpers.mjs';

const stack = await startStack({ gateways: [{}], exams: [{}] });

/** @param {{ role?: string, name?: string }} [how] */
async function person(how = {}) {
  const user = stack.user(how);
  return { user, client: await stack.connect({ token: user.token }) };
}

/** @param {any} client */
const list = async (client) => (await ok(client, 'room-list', {})).rooms;

stack.check('what was said last comes first, with what is unread', async () => {
  const [ann, ben] = [await person({ name: 'Ann' }), await person({ name: 'Ben' })];
  const [one, two] = [newRoom(), newRoom()];
  for (const room of [one, two]) for (const { client } of [ann, ben]) await join(client, room);
  assert.deepEqual((await list(ann.client)).map((/** @type {any} */ room) => [room.last_message, room.last_seq, room.unread_count]), [[null, 0, 0], [null, 0, 0]]);
  await say(ben.client, one, 'pertama');
  const second = await say(ben.client, two, 'kedua');
  const third = await say(ben.client, one, 'ketiga');
  const mine = await say(ann.client, one, 'dari saya');
  const rooms = await list(ann.client);
  assert.deepEqual(rooms.map((/** @type {any} */ room) => [room.room_id, room.room_type, room.name, room.last_message.message, room.last_seq, room.last_read_seq, room.unread_count]), [
    [one, 'OPEN', null, 'dari saya', 3, 0, 2],
    [two, 'OPEN', null, 'kedua', 1, 0, 1],
  ]);
  assert.equal(rooms[0].last_message.id, mine.id);
  await ok(ann.client, 'mark-message-read', { messageId: third.id });
  assert.deepEqual((await list(ann.client)).map((/** @type {any} */ room) => [room.last_read_seq, room.unread_count]), [[2, 0], [0, 1]]);
  await ok(ben.client, 'message-remove', { messageId: second.id });
  assert.equal((await list(ann.client))[1].unread_count, 0);
  await ok(ann.client, 'leave-room', { roomId: one });
  assert.deepEqual((await list(ann.client)).map((/** @type {any} */ room) => room.room_id), [two]);
});

stack.check('rooms bear the names of those one talks to, and are there before one has joined them', async () => {
  const [ann, ben, mentor] = [await person({ name: 'Ann' }), await person({ name: 'Ben' }), await person({ role: 'MENTOR', name: 'Dr. Cut' })];
  const { roomId: direct } = await join(ben.client, `direct:${ann.user.id}:${ben.user.id}`);
  await say(ben.client, direct, 'Halo');
  const { roomId: help } = await join(ann.client, `mentor:${ann.user.id}`);
  await say(ann.client, help, 'Tolong');
  const group = await ok(ann.client, 'study-group-create', { name: 'EKG', isPublic: false });
  const exam = await newExam(stack, mentor.user);
  await sitter(stack, exam.id, { user: ann.user });
  await join(ann.client, `exam:${exam.id}`);

  const named = async (/** @type {any} */ client) => Object.fromEntries((await list(client)).map((/** @type {any} */ room) => [room.room_id, [room.room_type, room.name, room.unread_count]]));
  assert.deepEqual(await named(ann.client), {
    [direct]: ['DIRECT', 'Ben', 1], [help]: ['MENTOR', 'Ann', 0], [group.room_id]: ['STUDY_GROUP', 'EKG', 0], [`exam:${exam.id}`]: ['EXAM', null, 0],
  });
  assert.deepEqual(await named(ben.client), { [direct]: ['DIRECT', 'Ann', 0] });
  // Whoever looks after students sees who has asked.
  const staff = await named(mentor.client);
  assert.deepEqual(staff[help], ['MENTOR', 'Ann', 1]);
  assert.ok(!(direct in staff) && !(group.room_id in staff));
});

stack.check('a room whose door has closed is in the list no more', async () => {
  const [owner, member] = [await person(), await person()];
  const group = await ok(owner.client, 'study-group-create', { name: 'Gugur' });
  await ok(member.client, 'study-group-join', { groupId: group.id });
  assert.deepEqual((await list(member.client)).map((/** @type {any} */ room) => room.name), ['Gugur']);
  const out = next(member.client, 'room-removed');
  await ok(owner.client, 'study-group-remove', { groupId: group.id, userId: member.user.id });
  await out;
  assert.deepEqual(await list(member.client), []);
});
