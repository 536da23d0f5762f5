/** Two gateways and three chat replicas are one service. */
import assert from 'node:assert/strict';

import { all, connected, freeze, join, newRoom, next, ok, request, say, settled, startStack, until } from './harness.mjs';
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

/** How many sockets each gateway has. */
const connections = () => Promise.all([one, two].map(async ({ healthUrl }) =>
  Number(/^gateway_connections\S* (\d+)$/m.exec((await request(`${healthUrl}/metrics`)).text)?.[1] ?? 0)));

check('a school behind one address is spread over the gateways, and stays through their restart and that of the balancer', async () => {
  const balancer = await stack.addBalancer();
  await until(async () => (await connections()).every((count) => count === 0), { what: 'nobody to be connected' });
  const roomId = newRoom();
  const school = [];
  for (const transports of [['polling'], ['polling', 'websocket'], ['websocket']]) {
    const before = await connections();
    school.push(...await Promise.all(Array.from({ length: 40 }, () => participant(stack, roomId, { port: balancer.port, transports }))));
    const spread = (await connections()).map((count, n) => count - (before[n] ?? 0));
    console.log(`# 40 clients by ${transports.join(', ')}: ${spread.join(' and ')}`);
    assert.equal(spread.reduce((sum, count) => sum + count), 40);
    for (const count of spread) assert.ok(count >= 16 && count <= 24, `${transports}: ${spread}`);
  }
  const acknowledged = new Map();
  let over = false;
  // Some of each kind say something; everybody hears it.
  const talking = talk(school.filter((_, n) => n % 10 === 0), { each: 1_000, atOnce: 1, within: 60_000, acknowledged, enough: () => over });
  const all = () => school.every((person) => person.joined);
  /** @param {() => Promise<unknown>} disturb */
  const through = async (disturb) => {
    const [said, connected] = [acknowledged.size, school.map((person) => person.connections)];
    await disturb();
    await until(() => all() && acknowledged.size > said + 50, {
      timeout: 20_000, what: () => `everybody to go on: ${acknowledged.size - said} messages, ${school.filter((person) => !person.joined).length} are out`,
    });
    return school.map((person, n) => person.connections - (connected[n] ?? 0));
  };
  try {
    assert.deepEqual(await through(async () => {}), school.map(() => 0), 'nobody has to connect again for nothing');
    // Only those of the gateway that went connect again, and nobody when it is back.
    const again = await through(async () => {
      await two.stop();
      await until(all, { timeout: 20_000, what: 'everybody to be on the other gateway' });
      await two.start();
    });
    assert.ok(again.every((count) => count <= 2) && again.filter((count) => count > 0).length <= 72, `connected again: ${again}`);
    const ended = await through(async () => {
      // As `docker compose restart` asks it: WebSockets must not keep it.
      const { ms } = await balancer.stop(15_000, 'SIGUSR1');
      assert.ok(ms < 3_000, `the balancer took ${ms} ms to end`);
      await balancer.start();
      const began = Date.now();
      const newcomer = stack.open({ port: balancer.port, token: stack.user().token });
      await connected(newcomer);
      assert.ok(Date.now() - began < 5_000, `a newcomer waited for ${Date.now() - began} ms`);
    });
    console.log(`# connected again: ${again.filter((count) => count > 0).length} for a gateway, ${ended.filter((count) => count > 0).length} for the balancer`);
  } finally {
    over = true;
    await talking;
  }
  for (const person of school) assert.deepEqual(person.problems, []);
  await verify(stack, school, acknowledged);
}, { timeout: 120_000 });

check('a browser keeps its session through the balancer\'s restart', async () => {
  const balancer = await stack.addBalancer();
  const at = `http://127.0.0.1:${balancer.port}/socket.io/?EIO=4&transport=polling`;
  /** Two tabs share a cookie, which is that of the newer session. */
  const opened = [];
  for (let n = 0; n < 4; n += 1) {
    const answer = await request(at);
    opened.push({ sid: JSON.parse(answer.text.slice(1)).sid, cookie: String(answer.headers['set-cookie']).split(';')[0] ?? '' });
  }
  const cookies = new Set(opened.map(({ cookie }) => cookie));
  assert.equal(cookies.size, 2, 'each gateway has its cookie');
  const send = (/** @type {string} */ sid, /** @type {string} */ cookie) => request(`${at}&sid=${sid}`, { method: 'POST', headers: { cookie }, body: '3' });
  for (const { sid } of opened) {
    for (const cookie of ['', ...cookies]) assert.equal((await send(sid, cookie)).status, 200, 'the session is known, whatever the cookie');
  }
  await balancer.kill();
  await balancer.start();
  for (const { sid, cookie } of opened) assert.equal((await send(sid, cookie)).status, 200, 'the cookie says where');
}, { timeout: 30_000 });

check('a gateway that falls silent takes its users offline within thirty seconds, and back when it speaks again', async () => {
  stack.mine();
  const roomId = newRoom();
  const ben = stack.user();
  const a = await stack.connect({ token: stack.user().token, port: one.port });
  const b = await stack.connect({ token: ben.token, port: two.port });
  await join(a, roomId);
  await join(b, roomId);
  await settled(b);
  const shows = (/** @type {string} */ status) => (/** @type {any} */ payload) => payload.userId === ben.id && payload.status === status;
  const wake = freeze(two);
  try {
    await next(a, 'user-status-change', shows('offline'), 32_000);
  } finally {
    wake();
  }
  await next(a, 'user-status-change', shows('online'));
  assert.equal(b.disconnects.length, 0, 'no socket noticed');
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
