/**
 * One person tries whatever may stop the others, one thing after another and all at once, with the limits of production, while
 * fifty others chat, sit an exam and watch a board. Nobody of those gets an error or waits; what was taken is given back.
 *
 * The controls of the single bounds stand in `door.test.mjs`, `fair.test.mjs` and the services' tests. Without the limits
 * (`limits: false`) the others' median during everything at once was six times as long, and still nobody failed: what is
 * taken from the queues in turns and what is dropped when nobody waits holds without them.
 *
 * `SINAESTA_HOSTILE_SECONDS` makes each attack longer, `SINAESTA_HOSTILE_ONLY` is a pattern of their names,
 * `SINAESTA_HOSTILE_CEILING_MS` how long anybody may wait. With `SINAESTA_HOSTILE_COMPARE` as many honest users as it takes then
 * do what the attack achieved, in the same time, and how long the others wait during both is set side by side.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

import { ATTACKS } from './attacks.mjs';
import { newExam, singles } from './exam-helpers.mjs';
import { emitAck, join, newRoom, ok, request, startStack, until } from './harness.mjs';
import { opsTool } from './ops-tool.mjs';

const SECONDS = Number(process.env.SINAESTA_HOSTILE_SECONDS ?? 2);
const ONLY = new RegExp(process.env.SINAESTA_HOSTILE_ONLY ?? '');
const COMPARE = Boolean(process.env.SINAESTA_HOSTILE_COMPARE);
const ROOMS = 10;
const PEOPLE_IN_ROOM = 5;
/** Each of the fifty does one thing in so many milliseconds. */
const EVERY_MS = 2_000;
/** Nobody waits longer, on a machine on which the attackers run as well, and perhaps others: what is quiet needs a fifth of it. */
const CEILING_MS = Number(process.env.SINAESTA_HOSTILE_CEILING_MS ?? 5_000);
const MIB = 1024 * 1024;
/** What the chart allows a process, in bytes. */
const MEMORY = /** @type {Record<string, number>} */ ({ gateway: 2_048 * MIB, leaderboard: 2_048 * MIB });
const MEMORY_OF_OTHERS = 512 * MIB;

const stack = await startStack({ exams: [{}], boards: [{}], bells: [{}], limits: true });
const { check } = stack;
const ops = opsTool(stack);

/** What a person of the fifty met. @type {{ what: string, ms: number, error: string | null, at: number }[]} */
const met = [];

/** @param {import('./harness.mjs').Client} client @param {string} event @param {unknown} payload */
async function act(client, event, payload) {
  const at = Date.now();
  const reply = await emitAck(client, event, payload, 20_000).catch((error) => ({ ok: false, error: { code: error.message } }));
  met.push({ what: event, ms: Date.now() - at, error: reply.ok ? null : reply.error?.code ?? 'unreadable', at });
}

/** Everybody else, who go on until they are told to stop. */
async function crowd() {
  const mentor = stack.user({ role: 'MENTOR' });
  const exam = await newExam(stack, mentor, { questions: singles(50) });
  const rooms = Array.from({ length: ROOMS }, () => newRoom());
  let running = true;
  const people = await Promise.all(rooms.flatMap((roomId, n) => Array.from({ length: PEOPLE_IN_ROOM }, async (_, m) => {
    const user = stack.user();
    const client = await stack.connect({ token: user.token, transports: ['websocket'] });
    await join(client, roomId);
    await ok(client, 'leaderboard-request', {});
    const sits = (n + m) % 2 === 0;
    if (sits) await ok(client, 'join-exam', { examId: exam.id });
    return { user, client, roomId, sits };
  })));
  const lives = people.map(async ({ client, roomId, sits }, n) => {
    // They don't all speak in the same moment.
    await new Promise((resolve) => setTimeout(resolve, (n * EVERY_MS) / people.length));
    for (let turn = 0; running; turn += 1) {
      const began = Date.now();
      if (sits && turn % 2 === 0) await act(client, 'exam-answer', { examId: exam.id, questionIndex: turn % 50, answer: turn % 5 });
      else if (turn % 5 === 4) await act(client, 'leaderboard-request', {});
      else await act(client, 'send-message', { roomId, message: `turn ${turn}` });
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, EVERY_MS - (Date.now() - began))));
    }
  });
  after(() => { running = false; });
  return {
    people, rooms, exam,
    stop: async () => {
      running = false;
      await Promise.all(lives);
    },
  };
}

/**
 * One attack, in a process of its own, which gets what processors the server leaves: it stands for another machine.
 *
 * @param {string} name @param {object} target
 * @returns {Promise<{ outcomes: Record<string, number>, taken: [string, any][] }>}
 */
function attack(name, target) {
  return new Promise((resolve, reject) => {
    const file = fileURLToPath(new URL('./attacker.mjs', import.meta.url));
    const child = spawn(process.execPath, [file, name, JSON.stringify(target)], { stdio: ['ignore', 'pipe', 'pipe'] });
    if (COMPARE) os.setPriority(child.pid ?? 0, os.constants.priority.PRIORITY_LOW);
    let [out, err] = ['', ''];
    child.stdout.on('data', (data) => { out += data; });
    child.stderr.on('data', (data) => { err += data; });
    // It ends by itself; one that does not is a fault of the attack.
    const timer = setTimeout(() => child.kill('SIGKILL'), SECONDS * 1_000 + 30_000);
    child.on('exit', (code) => {
      clearTimeout(timer);
      if (code === 0) resolve(JSON.parse(out));
      else reject(new Error(`"${name}" ended with ${code}: ${err}`));
    });
  });
}

/** Resident memory, in bytes. @param {import('./harness.mjs').Service} service */
const memory = (service) => Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${service.pid}/status`, 'utf8'))?.[1] ?? NaN) * 1_024;

/** Honest users, who keep to what one person may send, do the same as was taken of an attack, spread over its time. @param {[string, any][]} taken */
async function honestly(taken) {
  const users = await Promise.all(Array.from({ length: Math.min(64, Math.ceil(taken.length / 4)) }, async () => {
    const client = await stack.connect({ token: stack.user().token, transports: ['websocket'] });
    await join(client, target.roomId ?? '');
    return client;
  }));
  const since = Date.now();
  await Promise.all(users.map(async (client, n) => {
    for (let at = n; at < taken.length; at += users.length) {
      const [event, payload] = /** @type {[string, any]} */ (taken[at]);
      await new Promise((resolve) => setTimeout(resolve, since + (at / taken.length) * SECONDS * 1_000 - Date.now()));
      // Whose message it is decides whether it may be edited; what is refused costs less, in favour of the honest.
      await emitAck(client, event, payload, 20_000).catch(() => {});
    }
  }));
  await new Promise((resolve) => setTimeout(resolve, since + SECONDS * 1_000 - Date.now()));
  for (const client of users) client.socket.close();
  return since;
}

/** Nobody met an error or waited since a moment. @param {string} during @param {number} since @returns {number} their p99, in ms */
function unharmed(during, since) {
  const here = met.filter(({ at }) => at >= since).sort((a, b) => a.ms - b.ms);
  assert.ok(here.length > 0, `the others did something during "${during}"`);
  const failed = here.filter(({ error }) => error !== null);
  const [p50, p99, most] = [here[Math.floor(here.length * 0.5)], here[Math.floor(here.length * 0.99)], here.at(-1)].map((one) => one?.ms ?? 0);
  console.log(`# ${during}: ${here.length} done by the others, p50 ${p50} ms, p99 ${p99} ms, longest ${most} ms, ${failed.length} failed`);
  assert.deepEqual(failed.slice(0, 5), [], `errors of others during "${during}"`);
  assert.ok((most ?? 0) <= CEILING_MS, `during "${during}" somebody waited ${most} ms for ${here.at(-1)?.what}`);
  return p99 ?? 0;
}

const others = await crowd();
await until(() => met.length >= 20, { what: 'the others to be at it' });
const [someone] = others.people;
const target = {
  port: stack.gateways[0]?.port, secret: stack.infra().jwtSecret, roomId: others.rooms[0], victimId: someone?.user.id,
  examId: others.exam.id, seconds: SECONDS,
};
const before = new Map(stack.services.map((service) => [service.name, memory(service)]));

/** What memory is taken for what is not large. */
const SLACK = 192 * MIB;

async function healthy(/** @type {string} */ after) {
  for (const service of stack.services) {
    assert.equal((await request(`${service.healthUrl}/readyz`)).status, 200, `${service.name} is ready after "${after}"`);
    const most = MEMORY[service.name.replace(/-\d+$/, '')] ?? MEMORY_OF_OTHERS;
    assert.ok(memory(service) < most, `${service.name} has ${Math.round(memory(service) / MIB)} MiB after "${after}"`);
  }
}

const names = Object.keys(ATTACKS).filter((name) => ONLY.test(name));
for (const name of names) {
  check(`one person ${name}`, async () => {
    const since = Date.now();
    const { outcomes, taken } = await attack(name, target);
    console.log(`# ${name}: ${JSON.stringify(outcomes)}`);
    assert.ok(Object.values(outcomes).reduce((sum, each) => sum + each, 0) > 0, 'it was tried');
    const p99 = unharmed(name, since);
    await healthy(name);
    if (!COMPARE) return;
    const honest = unharmed(`honest users, instead of one who ${name}`, await honestly(taken));
    console.log(`# ratio ${(p99 / Math.max(1, honest)).toFixed(2)}: ${name}, ${taken.length} were taken`);
  });
}

check('one person does all of it at once', async () => {
  const since = Date.now();
  await Promise.all(names.map((name) => attack(name, { ...target, seconds: SECONDS * 2 })));
  unharmed('all at once', since);
  await healthy('all at once');
});

check('afterwards everything is as before', async () => {
  await until(async () => stack.services.every((service) => memory(service) < (before.get(service.name) ?? 0) + SLACK),
    { timeout: 60_000, every: 500, what: () => `memory to be given back: ${stack.services.map((service) => `${service.name} ${Math.round((before.get(service.name) ?? 0) / MIB)} → ${Math.round(memory(service) / MIB)} MiB`)}` });
  const since = Date.now();
  await until(() => met.filter(({ at }) => at >= since).length >= 60, { what: 'the others to go on' });
  unharmed('quiet', since);
  await others.stop();
  assert.match(await ops('dead-letters', 'list'), /^0 dead letters$/m);
  await healthy('all');
});
