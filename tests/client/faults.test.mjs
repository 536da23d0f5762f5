/** A thousand messages while a part is killed: nothing acknowledged is lost, nothing is stored or delivered twice. */
import assert from 'node:assert/strict';
import process from 'node:process';

import { holdCommits } from './commits.mjs';
import { all, emitAck, freeze, isAlive, join, newRoom, next, say, settled, startStack, until } from './harness.mjs';
import { participant, talk, verify } from './load.mjs';

const stack = await startStack();
const [gateway] = stack.gateways;
const [chat] = stack.chats;
assert.ok(gateway && chat);

/** A test that leaves the next one services that are well, whatever became of it itself. @type {typeof stack.check} */
const check = (name, body, options) => stack.check(name, async () => {
  stack.mine();
  try {
    await body();
  } catch (error) {
    for (const service of [chat, gateway]) {
      await service.kill();
      await service.start();
    }
    throw error;
  }
}, options);

const PEOPLE = 5;
const EACH = 200;

/**
 * Five people say two hundred things each while `havoc` runs; it is given a way to wait for progress.
 *
 * @param {(said: (count: number) => Promise<unknown>) => Promise<void>} havoc
 */
async function underLoad(havoc) {
  const roomId = newRoom();
  const people = await Promise.all(Array.from({ length: PEOPLE }, (_, n) =>
    participant(stack, roomId, { transports: [n === 0 ? 'polling' : 'websocket'] })));
  const acknowledged = new Map();
  let over = false;
  const talking = talk(people, { each: EACH, within: 45_000, acknowledged }).finally(() => (over = true));
  const said = (/** @type {number} */ count) =>
    until(() => acknowledged.size >= count || over, {
      timeout: 60_000, every: 2, what: () => `${count} messages to be acknowledged, got ${acknowledged.size}`,
    });
  await Promise.all([talking, havoc(said)]);
  assert.equal(acknowledged.size, PEOPLE * EACH);
  await verify(stack, people, acknowledged);
  return people;
}

/** Kills what the supervisor looks after, and waits for its successor. @param {'nats' | 'postgres'} part */
async function killInfra(part) {
  const { pid } = stack.infra()[part];
  assert.ok(isAlive(pid), `${part} runs as ${pid}`);
  process.kill(pid, 'SIGKILL');
  await until(() => !isAlive(pid), { what: `${part} to be gone` });
  await until(() => {
    const now = stack.infra()[part].pid;
    return now !== pid && isAlive(now);
  }, { timeout: 30_000, what: `${part} to be started again` });
}

check('without any fault a thousand messages arrive', async () => {
  const people = await underLoad(async () => {});
  assert.deepEqual(people.map((person) => person.connections), Array(PEOPLE).fill(1));
});

check('the chat service is killed twice', async () => {
  const people = await underLoad(async (said) => {
    for (const count of [250, 600]) {
      await said(count);
      await chat.kill();
      await chat.start();
    }
  });
  assert.deepEqual(people.map((person) => person.connections), Array(PEOPLE).fill(1), 'no client noticed');
}, { timeout: 120_000 });

check('the gateway is killed twice', async () => {
  const people = await underLoad(async (said) => {
    for (const count of [250, 600]) {
      await said(count);
      await gateway.kill();
      await gateway.start();
    }
  });
  for (const person of people) assert.ok(person.connections >= 3, 'everybody reconnected');
}, { timeout: 120_000 });

check('NATS is killed', async () => {
  await underLoad(async (said) => {
    await said(300);
    await killInfra('nats');
  });
}, { timeout: 120_000 });

check('Postgres is killed', async () => {
  await underLoad(async (said) => {
    await said(300);
    await killInfra('postgres');
  });
}, { timeout: 120_000 });

check('the gateway and the chat service are killed together', async () => {
  await underLoad(async (said) => {
    await said(300);
    await Promise.all([gateway.kill(), chat.kill()]);
    await Promise.all([gateway.start(), chat.start()]);
  });
}, { timeout: 120_000 });

/** @param {number} count */
const people = (count, port = gateway.port) =>
  Promise.all(Array.from({ length: count }, () => stack.connect({ token: stack.user().token, port, transports: ['websocket'] })));

check('a replica that is frozen in the middle of a batch until its work has moved does nothing twice when it wakes', async () => {
  const roomId = newRoom();
  const [one, two] = await people(2);
  assert.ok(one && two);
  for (const client of [one, two]) await join(client, roomId);
  const first = await say(one, roomId, 'first');
  const commits = await holdCommits(stack, 'chat_messages', 'held');
  /** @type {[string, object][]} */
  const sent = [
    ['send-message', { roomId, message: 'held 1' }], ['send-message', { roomId, message: 'held 2' }],
    ['message-react', { messageId: first.id, emoji: '👍' }], ['send-message', { roomId, message: 'held 3' }],
  ];
  const replies = sent.map(([event, payload]) => emitAck(one, event, payload, 40_000));
  await commits.reached();
  const wake = freeze(chat);
  let other;
  try {
    // It takes over the partitions of one that says nothing; its transactions meet those that are still open.
    other = await stack.addService('chat');
    await commits.release();
    for (const reply of await Promise.all(replies)) assert.equal(reply.ok, true, JSON.stringify(reply));
  } finally {
    wake();
  }
  // Both are at work, and what the one that was frozen does now comes to nothing new.
  await until(async () => {
    const text = await (await fetch(`${chat.url}/metrics`)).text();
    return Number(/^bus_partitions_held\{[^}]*\} (\d+)$/m.exec(text)?.[1] ?? 12) < 12;
  }, { timeout: 20_000, what: 'the one that was frozen to know what it has' });
  await Promise.all(Array.from({ length: 30 }, async () => {
    const [client] = await people(1);
    assert.ok(client);
    const elsewhere = newRoom();
    await join(client, elsewhere);
    await say(client, elsewhere, 'hello');
  }));
  await say(one, roomId, 'last');
  for (const client of [one, two]) {
    await next(client, 'receive-message', (message) => message.message === 'last');
    await settled(client);
    assert.deepEqual(all(client, 'receive-message').map(({ seq, message }) => [seq, message]),
      [[1, 'first'], [2, 'held 1'], [3, 'held 2'], [4, 'held 3'], [5, 'last']]);
    assert.deepEqual(all(client, 'message-reactions').length, 1);
  }
  await other.stop();
}, { timeout: 120_000 });

check('a replica and a gateway that are frozen while the broker restarts go on where they were', async () => {
  const roomId = newRoom();
  const second = await stack.addService('gateway');
  const [here] = await people(1);
  const [there] = await people(1, second.port);
  assert.ok(here && there);
  for (const client of [here, there]) await join(client, roomId);
  await say(here, roomId, 'before');
  await next(there, 'receive-message', (message) => message.seq === 1);
  const wakeAll = [freeze(chat), freeze(second)];
  let reply;
  try {
    const pending = emitAck(here, 'send-message', { roomId, message: 'meanwhile' }, 40_000);
    await settled(here);
    await killInfra('nats');
    wakeAll.shift()?.();
    reply = await pending;
  } finally {
    for (const wake of wakeAll) wake();
  }
  assert.equal(reply.ok, true, JSON.stringify(reply));
  // Nothing more is said that would show the gateway what it has missed.
  for (const client of [here, there]) {
    await next(client, 'receive-message', (message) => message.seq === 2, 20_000);
    await settled(client);
    assert.deepEqual(all(client, 'receive-message').map(({ seq }) => seq), [1, 2]);
    assert.equal(client.disconnects.length, 0, 'no client noticed');
  }
  await say(there, roomId, 'after');
  await next(here, 'receive-message', (message) => message.seq === 3);
  await second.stop();
}, { timeout: 120_000 });

check('what is asked while nobody can do it is answered in time, and done once somebody can', async () => {
  const roomId = newRoom();
  const person = await participant(stack, roomId);
  await chat.kill();
  const deadline = Date.now() + 40_000;
  const pending = person.post('said into the void', deadline, 'void-1');
  await chat.start();
  const message = await pending;
  assert.equal(message.seq, 1);
  await verify(stack, [person], new Map([['said into the void', { id: message.id, seq: 1, at: 0 }]]));
});
