/** Two gateways and three chat replicas are one service. */
import assert from 'node:assert/strict';

import { all, join, newRoom, next, ok, say, settled, startStack, until } from './harness.mjs';
import { participant, talk, verify } from './load.mjs';

const stack = await startStack({ gateways: [{}, {}], chats: [{}, {}, {}] });
const { check } = stack;
const [one, two] = stack.gateways;
assert.ok(one && two);

/** The longest that nobody in a room may be able to post while a dead replica's work moves. */
const LONGEST_PAUSE_MS = 3_500;

/** @param {number} rooms */
const crowd = (rooms) => Promise.all(Array.from({ length: rooms }, async () => {
  const roomId = newRoom();
  return Promise.all([one, two, one, two].map((gateway) => participant(stack, roomId, { port: gateway.port })));
}));

check('people on different gateways are in the same room', async () => {
  const roomId = newRoom();
  const [ann, ben] = [stack.user({ name: 'Ann' }), stack.user({ name: 'Ben' })];
  const a = await stack.connect({ token: ann.token, port: one.port });
  const b = await stack.connect({ token: ben.token, port: two.port });
  await join(a, roomId);
  await join(b, roomId);
  assert.deepEqual(await next(a, 'user-joined-room'), { roomId, userId: ben.id, userName: 'Ben' });
  const message = await say(a, roomId, 'hello over there');
  assert.deepEqual(await next(b, 'receive-message'), message);
  await ok(b, 'typing-indicator', { roomId, isTyping: true });
  assert.equal((await next(a, 'typing-indicator')).userId, ben.id);
  await ok(b, 'mark-message-read', { messageId: message.id });
  assert.equal((await next(a, 'message-read')).readBy, ben.id);
  await ok(b, 'set-status', { status: 'busy' });
  await next(a, 'user-status-change', (payload) => payload.userId === ben.id && payload.status === 'busy');
});

check('somebody with a socket on each gateway stays online when one goes, and is offline after both', async () => {
  const roomId = newRoom();
  const ben = stack.user();
  const cat = stack.user();
  const a = await stack.connect({ token: stack.user().token, port: one.port });
  const [b1, b2, c] = [
    await stack.connect({ token: ben.token, port: one.port }),
    await stack.connect({ token: ben.token, port: two.port }),
    await stack.connect({ token: cat.token, port: one.port }),
  ];
  for (const client of [a, b1, b2, c]) await join(client, roomId);
  const gone = (user) => (payload) => payload.userId === user.id && payload.status === 'offline';
  b1.close();
  await settled(b2);
  c.close();
  await next(a, 'user-status-change', gone(cat), 15_000);
  assert.deepEqual(all(a, 'user-status-change', gone(ben)), []);
  b2.close();
  await next(a, 'user-status-change', gone(ben), 15_000);
});

check('every socket sees its room in order, with no gap and no repeat', async () => {
  const rooms = await crowd(6);
  await Promise.all(rooms.map(async (people) => verify(stack, people, await talk(people, { each: 30, atOnce: 4 }))));
  for (const person of rooms.flat()) assert.equal(person.connections, 1);
});

check('a replica that comes and one that goes in good order are not noticed', async () => {
  stack.mine();
  const rooms = await crowd(4);
  const talks = rooms.map((people) => ({ people, acknowledged: new Map() }));
  const slowest = () => Math.min(...talks.map(({ acknowledged }) => acknowledged.size));
  let goal = Infinity;
  const talking = Promise.all(talks.map(({ people, acknowledged }) =>
    talk(people, { each: 5_000, atOnce: 1, acknowledged, enough: () => slowest() >= goal })));
  await until(() => slowest() >= 10, { timeout: 30_000, what: 'every room to be busy' });
  const another = await stack.addService('chat');
  const { code } = await another.stop();
  assert.equal(code, 0);
  goal = slowest() + 15;
  await talking;
  for (const { people, acknowledged } of talks) await verify(stack, people, acknowledged);
}, { timeout: 120_000 });

check('a gateway that dies takes its users offline within thirty seconds', async () => {
  stack.mine();
  const roomId = newRoom();
  const ben = stack.user();
  const a = await stack.connect({ token: stack.user().token, port: one.port });
  const b = await stack.connect({ token: ben.token, port: two.port });
  await join(a, roomId);
  await join(b, roomId);
  await settled(b);
  await two.kill();
  await next(a, 'user-status-change', (payload) => payload.userId === ben.id && payload.status === 'offline', 32_000);
  await two.start();
});

check('when a replica dies the others take over within seconds', async () => {
  stack.mine();
  const rooms = await crowd(8);
  const talks = rooms.map((people) => ({ people, acknowledged: new Map() }));
  const quietest = () => Math.min(...talks.map(({ acknowledged }) => acknowledged.size));
  let goal = Infinity;
  const enough = () => quietest() >= goal;
  const talking = Promise.all(talks.map(({ people, acknowledged }) =>
    talk(people, { each: 5_000, atOnce: 1, within: 45_000, acknowledged, enough })));
  const [victim] = stack.chats;
  assert.ok(victim);
  await until(() => quietest() >= 15, { timeout: 30_000, what: 'every room to be busy' });
  const killed = Date.now();
  await victim.kill();
  goal = quietest() + 15;
  await talking;

  const pauses = talks.map(({ acknowledged }) => {
    const times = [...acknowledged.values()].map(({ at }) => at).filter((at) => at >= killed - 500).sort((x, y) => x - y);
    return Math.max(...times.map((at, n) => at - (times[n - 1] ?? at)));
  });
  console.log(`longest pause of each room after a replica was killed, ms: ${pauses.join(', ')}`);
  for (const { people, acknowledged } of talks) await verify(stack, people, acknowledged);
  assert.ok(Math.max(...pauses) <= LONGEST_PAUSE_MS, `pauses of ${pauses} ms`);
  for (const person of rooms.flat()) assert.equal(person.connections, 1);
  await victim.start();
}, { timeout: 120_000 });
