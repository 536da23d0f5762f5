/** Study groups: who is in them, and that nobody else is. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { all, emitAck, join, next, ok, refusal, say, settled, startStack, until } from './harness.mjs';

const stack = await startStack({ gateways: [{}, {}], chats: [{}, {}, {}], bells: [{}] });
const [, otherGateway] = stack.gateways;

/** @param {Parameters<typeof stack.user>[0] & { port?: number }} [options] */
async function person({ port, ...more } = {}) {
  const user = stack.user(more);
  const client = await stack.connect({ token: user.token, ...(port ? { port } : {}) });
  return { user, client };
}

/** A group of somebody. @param {import('./harness.mjs').Client} client @param {object} [more] */
async function newGroup(client, more = {}) {
  const { ok: _, ...group } = await ok(client, 'study-group-create', { name: 'EKG', ...more });
  return group;
}

stack.check('a group is made, found, joined, talked in and left, as the documented client does it', async () => {
  const [owner, friend] = [await person({ name: 'Putri' }), await person({ name: 'Rizky', port: otherGateway?.port })];
  const specialty = `Spesialis ${randomUUID()}`;
  await ok(friend.client, 'study-group-list', { watch: true });
  owner.client.socket.emit('study-group-create', { name: '  Kelompok EKG ', description: 'Tiap minggu', specialty, maxMembers: 3, isPublic: true });
  const group = await next(owner.client, 'study-group-created');
  const { id, room_id, created_at, updated_at, ...rest } = group;
  assert.deepEqual(rest, {
    name: 'Kelompok EKG', description: 'Tiap minggu', creator_id: owner.user.id, members: [owner.user.id], member_count: 1,
    max_members: 3, specialty, is_public: true,
  });
  assert.deepEqual([room_id, updated_at], [`study-group:${id}`, created_at]);
  assert.deepEqual(await next(friend.client, 'study-group-available', (told) => told.id === id), group);
  // Neither of the two joins the room: being in the group is enough.
  const joined = await ok(friend.client, 'study-group-join', { groupId: id });
  assert.deepEqual([joined.roomId, joined.group.members], [room_id, [owner.user.id, friend.user.id]]);
  assert.deepEqual((await next(friend.client, 'study-group-joined')).roomId, room_id);
  assert.deepEqual(await next(owner.client, 'study-group-member-joined'), { groupId: id, userId: friend.user.id, userName: 'Rizky', memberCount: 2 });
  await ok(friend.client, 'study-group-message', { groupId: id, message: 'Hello everyone!' });
  for (const { client } of [owner, friend]) {
    const message = await next(client, 'receive-message');
    assert.deepEqual([message.message, message.room_id, message.seq], ['Hello everyone!', room_id, 1]);
  }
  // Joining again is no news.
  await ok(friend.client, 'study-group-join', { groupId: id });
  await ok(friend.client, 'study-group-leave', { groupId: id });
  await next(friend.client, 'study-group-left', (told) => told.groupId === id);
  assert.deepEqual(await next(friend.client, 'room-removed'), { roomId: room_id, userId: friend.user.id });
  assert.deepEqual(await next(owner.client, 'study-group-member-left'), {
    groupId: id, userId: friend.user.id, userName: 'Rizky', memberCount: 1, creatorId: owner.user.id,
  });
  assert.equal(all(owner.client, 'study-group-member-joined').length, 1);
  await ok(owner.client, 'study-group-leave', { groupId: id });
  assert.deepEqual(await next(friend.client, 'study-group-deleted'), { groupId: id });
  await next(owner.client, 'study-group-deleted');
  for (const event of ['study-group-join', 'study-group-leave']) await refusal(owner.client, event, { groupId: id }, 'study-group/not-found');
  await refusal(owner.client, 'join-room', { roomId: room_id }, 'chat/room-forbidden');
  await ok(friend.client, 'study-group-list', { watch: false });
  await newGroup(owner.client);
  await settled(friend.client);
  assert.equal(all(friend.client, 'study-group-available').filter((told) => told.id !== id).length, 0);
});

stack.check('a hundred join a group of ten at once, over two gateways and three replicas: ten are in it', async () => {
  const owner = await person();
  const { id } = await newGroup(owner.client, { maxMembers: 10 });
  const people = await Promise.all(Array.from({ length: 100 }, (_, n) => person({ port: n % 2 ? otherGateway?.port : undefined })));
  const replies = await Promise.all(people.map(({ client }) => emitAck(client, 'study-group-join', { groupId: id })));
  const inside = replies.filter((reply) => reply.ok);
  const refused = replies.filter((reply) => !reply.ok);
  assert.deepEqual([inside.length, refused.length], [9, 91]);
  assert.deepEqual(new Set(refused.map((reply) => reply.error.code)), new Set(['study-group/full']));
  const [{ count }] = /** @type {[any]} */ (await stack.sql('select count(*)::int as count from study_group_members where group_id = $1 and left_at is null', [id]));
  assert.equal(count, 10);
  const page = await ok(owner.client, 'study-group-list', { mine: true });
  assert.deepEqual([page.groups[0].id, page.groups[0].member_count, page.groups[0].members.length], [id, 10, 10]);
});

stack.check('when the owner leaves, the group is the longest-standing member\'s', async () => {
  const [owner, second, third] = [await person(), await person(), await person()];
  const { id } = await newGroup(owner.client);
  await ok(second.client, 'study-group-join', { groupId: id });
  await ok(third.client, 'study-group-join', { groupId: id });
  await refusal(third.client, 'study-group-remove', { groupId: id, userId: second.user.id }, 'auth/forbidden');
  await ok(owner.client, 'study-group-leave', { groupId: id });
  const left = await next(third.client, 'study-group-member-left');
  assert.deepEqual([left.creatorId, left.memberCount], [second.user.id, 2]);
  await ok(second.client, 'study-group-remove', { groupId: id, userId: third.user.id });
  await refusal(second.client, 'study-group-remove', { groupId: id, userId: third.user.id }, 'study-group/not-a-member');
});

stack.check('whoever is removed hears nothing more, on every gateway at once', async () => {
  const [owner, mentor] = [await person(), await person({ role: 'MENTOR' })];
  const { id, room_id } = await newGroup(owner.client);
  const user = stack.user();
  const tabs = await Promise.all([undefined, otherGateway?.port].map((port) => stack.connect({ token: user.token, ...(port ? { port } : {}) })));
  for (const tab of tabs) await ok(tab, 'study-group-join', { groupId: id });
  await say(owner.client, room_id, 'Before');
  for (const tab of tabs) await next(tab, 'receive-message');
  const admin = await person({ role: 'PROGRAM_ADMIN' });
  await ok(admin.client, 'study-group-join', { groupId: id });
  await refusal(mentor.client, 'study-group-remove', { groupId: id, userId: admin.user.id }, 'auth/forbidden');
  await ok(owner.client, 'study-group-remove', { groupId: id, userId: admin.user.id });
  await ok(mentor.client, 'study-group-remove', { groupId: id, userId: user.id });
  for (const tab of tabs) assert.deepEqual(await next(tab, 'room-removed', (told) => told.userId === user.id), { roomId: room_id, userId: user.id });
  const after = await say(owner.client, room_id, 'After');
  await next(owner.client, 'receive-message', (message) => message.id === after.id);
  for (const tab of tabs) {
    await refusal(tab, 'send-message', { roomId: room_id, message: 'x' }, 'chat/room-forbidden');
    await refusal(tab, 'study-group-message', { groupId: id, message: 'x' }, 'chat/room-forbidden');
    await refusal(tab, 'typing-indicator', { roomId: room_id, isTyping: true }, ['chat/room-forbidden', 'chat/not-in-room']);
    await refusal(tab, 'message-history', { roomId: room_id }, 'chat/room-forbidden');
    await refusal(tab, 'mark-message-read', { messageId: after.id }, 'chat/message-not-found');
    await refusal(tab, 'leave-room', { roomId: room_id }, 'chat/not-in-room');
    assert.deepEqual(all(tab, 'receive-message').map((message) => message.message), ['Before']);
  }
  await settled(owner.client);
  const bells = await stack.sql('select 1 from notifications where user_id = $1 and topic = $2', [user.id, `room:${room_id}`]);
  assert.deepEqual(bells, [], 'nor are they told of its messages');
});

stack.check('a private group is there for its members and those they invite', async () => {
  const [owner, friend, stranger] = [await person({ name: 'Putri' }), await person(), await person()];
  const { id, room_id } = await newGroup(owner.client, { isPublic: false, name: 'Rahasia' });
  for (const [event, payload] of /** @type {[string, object][]} */ ([
    ['study-group-join', { groupId: id }], ['study-group-leave', { groupId: id }],
    ['study-group-invite', { groupId: id, userId: stranger.user.id }], ['study-group-remove', { groupId: id, userId: owner.user.id }],
  ])) await refusal(stranger.client, event, payload, 'study-group/not-found');
  assert.deepEqual((await ok(stranger.client, 'study-group-list', { query: 'rahasia' })).groups, []);
  assert.deepEqual((await ok(owner.client, 'study-group-list', { query: 'RAHASIA' })).groups.map((/** @type {any} */ group) => group.id), [id]);
  await refusal(owner.client, 'study-group-invite', { groupId: id, userId: randomUUID() }, 'user/not-found');
  await ok(owner.client, 'study-group-invite', { groupId: id, userId: friend.user.id });
  const told = await next(friend.client, 'new-notification');
  assert.deepEqual([told.title, told.message, told.data.groupId, told.data.kind], ['Putri invites you to a study group', 'Rahasia', id, 'group-invited']);
  const joined = await ok(friend.client, 'study-group-join', { groupId: id });
  assert.equal(joined.roomId, room_id);
  // An invitation is for once: whoever was removed has to be invited again.
  await ok(owner.client, 'study-group-remove', { groupId: id, userId: friend.user.id });
  await refusal(friend.client, 'study-group-join', { groupId: id }, 'study-group/not-found');
});

stack.check('members who are away are told of messages, also if they never opened the room', async () => {
  const [owner, member] = [await person(), await person()];
  const { id, room_id } = await newGroup(owner.client);
  await ok(member.client, 'study-group-join', { groupId: id });
  await ok(member.client, 'leave-room', { roomId: room_id });
  await ok(owner.client, 'study-group-message', { groupId: id, message: 'Besok jam tujuh' });
  assert.equal((await next(member.client, 'new-notification')).data.roomId, room_id);
  await join(member.client, room_id);
});

stack.check('lists have pages and filters', async () => {
  const specialty = `Spesialis ${randomUUID()}`;
  const [owner, other] = [await person(), await person()];
  const ids = [];
  for (let n = 0; n < 5; n += 1) ids.unshift((await newGroup(owner.client, { specialty, name: `Kelompok ${n}`, description: n === 3 ? '100% jantung_' : undefined })).id);
  const first = await ok(other.client, 'study-group-list', { specialty, limit: 2 });
  const second = await ok(other.client, 'study-group-list', { specialty, limit: 2, before: first.groups[1].id });
  const third = await ok(other.client, 'study-group-list', { specialty, limit: 2, before: second.groups[1].id });
  assert.deepEqual([first, second, third].flatMap((page) => page.groups.map((/** @type {any} */ group) => group.id)), ids);
  assert.deepEqual([first.hasMore, second.hasMore, third.hasMore], [true, true, false]);
  const found = async (/** @type {string} */ query) => (await ok(other.client, 'study-group-list', { specialty, query })).groups.map((/** @type {any} */ group) => group.id);
  assert.deepEqual(await found('KELOMPOK 2'), [ids[2]]);
  assert.deepEqual(await found('100% JANTUNG_'), [ids[1]]);
  assert.deepEqual(await found('%'), [ids[1]], 'a sign is a sign');
  assert.deepEqual((await ok(other.client, 'study-group-list', { mine: true })).groups, []);
});

stack.check('what can not be is refused, and says why', async () => {
  const { client } = await person();
  const { id } = await newGroup(client);
  for (const [event, payload, field] of /** @type {[string, any, string][]} */ ([
    ['study-group-create', {}, 'name'],
    ['study-group-create', { name: '' }, 'name'],
    ['study-group-create', { name: '   ' }, 'name'],
    ['study-group-create', { name: 'x'.repeat(101) }, 'name'],
    ['study-group-create', { name: 'a\u0000b' }, 'name'],
    ['study-group-create', { name: 'x', description: 'x'.repeat(1_001) }, 'description'],
    ['study-group-create', { name: 'x', maxMembers: 1 }, 'maxMembers'],
    ['study-group-create', { name: 'x', maxMembers: 501 }, 'maxMembers'],
    ['study-group-create', { name: 'x', maxMembers: 2.5 }, 'maxMembers'],
    ['study-group-create', { name: 'x', isPublic: 'yes' }, 'isPublic'],
    ['study-group-join', { groupId: 'x' }, 'groupId'],
    ['study-group-join', {}, 'groupId'],
    ['study-group-message', { groupId: id }, 'message'],
    ['study-group-message', { groupId: id, message: '' }, 'message'],
    ['study-group-list', { limit: 51 }, 'limit'],
    ['study-group-list', { query: '' }, 'query'],
    ['study-group-invite', { groupId: id }, 'userId'],
  ])) {
    const error = await refusal(client, event, payload, 'request/invalid-payload');
    assert.equal(error.field, field, `${event} ${JSON.stringify(payload).slice(0, 100)}`);
    client.socket.emit(event, payload);
    assert.equal((await next(client, 'error', (told) => told.event === event && told.field === field)).code, 'request/invalid-payload');
  }
  for (const event of ['study-group-join', 'study-group-leave']) await refusal(client, event, { groupId: randomUUID() }, 'study-group/not-found');
  await refusal(client, 'study-group-message', { groupId: randomUUID(), message: 'x' }, 'chat/room-forbidden');
});

stack.check('a group of a socket that is gone is still there, and a member who comes back is in it', async () => {
  const owner = await person();
  const { id, room_id } = await newGroup(owner.client);
  owner.client.close();
  await until(async () => (await stack.sql('select 1 from chat_room_sockets where room_id = $1', [room_id])).length === 0);
  const again = await stack.connect({ token: owner.user.token, port: otherGateway?.port });
  assert.deepEqual((await ok(again, 'study-group-list', { mine: true })).groups.map((/** @type {any} */ group) => group.id), [id]);
  await ok(again, 'study-group-join', { groupId: id });
  await say(again, room_id, 'Kembali');
  await next(again, 'receive-message');
});
