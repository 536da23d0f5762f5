/** A thousand messages while a part is killed: nothing acknowledged is lost, nothing is stored or delivered twice. */
import assert from 'node:assert/strict';
import process from 'node:process';

import { isAlive, newRoom, startStack, until } from './harness.mjs';
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
