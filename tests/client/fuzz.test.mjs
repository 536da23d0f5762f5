/**
 * Every event a client can send, with payloads that nobody would: made from the contract's own schemas and then broken.
 *
 * Whatever comes, the answer is an acknowledgement with a known code and never a fault of ours; nothing becomes a dead
 * letter, no service stops or panics, and a bystander is served all the while. `FUZZ_SECONDS` says for how long, and
 * `FUZZ_SEED` with which numbers: a failure names both.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import process from 'node:process';

import { jetstreamManager } from '@nats-io/jetstream';
import { connect as connectNats } from '@nats-io/transport-node';

import { PARSER, emitAck, join, newRoom, ok, say, startStack } from './harness.mjs';
import { newExam } from './exam-helpers.mjs';

const SECONDS = Number(process.env.FUZZ_SECONDS ?? 60);
const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
const contract = JSON.parse(readFileSync(new URL('../../shared/contracts/generated/asyncapi.json', import.meta.url), 'utf8'));
const schemas = contract.components.schemas;
const codes = new Set((schemas.ErrorCode.enum ?? schemas.ErrorCode.oneOf.map((/** @type {any} */ one) => one.const)));

/** What was found once is tried first each time. @type {[string, any][]} */
const FOUND = [
  ['notification-send', { type: 'SYSTEM', title: 'x', message: 'x', data: JSON.parse('['.repeat(124) + ']'.repeat(124)) }],
  ['room-list', {}],
  ['message-search', { roomId: 'room-1', query: '\\' }],
  ['study-group-list', { query: '%_\\' }],
];

/** Small and fast, and the same for the same seed. */
function random(/** @type {number} */ seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
const next = random(SEED);
/** @template T @param {readonly T[]} items @returns {T} */
const pick = (items) => /** @type {T} */ (items[Math.floor(next() * items.length)]);
const chance = (/** @type {number} */ of) => next() < of;

/** Ids that exist, so that some of what is made reaches the rules behind the checks. @type {string[]} */
const known = [];
const ODD_TEXTS = ['', ' ', '\u0000', 'a\u0000b', '\ud800', '👨‍👩‍👧‍👦', '\u202e', '<script>alert(1)</script>', '<b', '&#0;', "'; --", '%s%n', '../../etc/passwd', '\r\nX: y',
  '__proto__', 'NaN', 'null', 'x'.repeat(300), 'é'.repeat(9_000), '\ufeff', 'room-1', 'direct:a:b', 'exam:7', 'a.b', '*', '>', '00:00', '24:00', '2026-13-45T99:99:99Z', '1e999'];
const ODD_NUMBERS = [0, -0, -1, 1, 0.5, 2 ** 31, -(2 ** 31) - 1, 2 ** 32, 2 ** 53, -(2 ** 63), 1e21, 1e300, -1e-300, 65_535, 65_536, 255, 256];
const ODD_VALUES = [null, true, false, [], {}, [[]], [null], { a: 1 }, { $ref: 'x' }, { toString: 1 }];

/** @param {number} [depth] @returns {any} */
function anything(depth = 0) {
  const kind = next();
  if (kind < 0.35) return pick(ODD_TEXTS);
  if (kind < 0.6) return pick(ODD_NUMBERS);
  if (kind < 0.8 || depth > 3) return pick(ODD_VALUES);
  if (kind < 0.9) return Array.from({ length: Math.floor(next() * 5) }, () => anything(depth + 1));
  return Object.fromEntries(Array.from({ length: Math.floor(next() * 4) }, () => [pick(ODD_TEXTS).slice(0, 20), anything(depth + 1)]));
}

/** A value after a schema, now and then not quite. @param {any} schema @param {string} [field] @returns {any} */
function made(schema, field = '') {
  if (chance(0.04)) return anything();
  if (schema === true || !schema) return anything();
  if (schema.$ref) return made(schemas[schema.$ref.split('/').at(-1)], field);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return pick(schema.enum);
  for (const of of ['anyOf', 'oneOf', 'allOf']) if (schema[of]) return made(pick(schema[of]), field);
  const type = Array.isArray(schema.type) ? pick(schema.type) : schema.type;
  if (type === 'object') {
    const required = new Set(schema.required ?? []);
    const entries = Object.entries(schema.properties ?? {}).filter(([name]) => (required.has(name) ? !chance(0.03) : chance(0.5)));
    const object = Object.fromEntries(entries.map(([name, inner]) => [name, made(inner, name)]));
    if (schema.additionalProperties && chance(0.5)) object[`${Math.floor(next() * 20)}`] = made(schema.additionalProperties);
    if (chance(0.05)) object[pick(['extra', '__proto__x', 'constructor'])] = anything();
    return object;
  }
  if (type === 'array') return Array.from({ length: Math.floor(next() * 6) }, () => made(schema.items));
  if (type === 'boolean') return chance(0.5);
  if (type === 'integer' || type === 'number') {
    const [from, to] = [schema.minimum ?? 0, schema.maximum ?? 1_000];
    const value = from + next() * (to - from);
    return chance(0.15) ? pick(ODD_NUMBERS) : type === 'integer' ? Math.round(value) : value;
  }
  if (type === 'null') return null;
  if (type === 'string') {
    if (chance(0.15)) return pick(ODD_TEXTS);
    if (/id$/i.test(field) || schema.format === 'uuid') return chance(0.7) ? pick(known) : randomUUID();
    if (schema.format === 'date-time') return new Date(Date.now() + (next() - 0.5) * 1e9).toISOString();
    return `text ${Math.floor(next() * 1e6)}`.slice(0, schema.maxLength ?? 40);
  }
  return anything();
}

const events = Object.values(contract.operations)
  .filter((/** @type {any} */ operation) => operation.action === 'receive')
  .map((/** @type {any} */ operation) => operation.messages[0].$ref.split('/').at(-1));
const shapes = events.map((key) => {
  const message = contract.components.messages[key];
  return { name: key.replace(/^client-/, ''), schema: message.payload };
});

const stack = await startStack({ chats: [{}], exams: [{}], boards: [{}], bells: [{}] });

stack.check(`no payload of any of ${shapes.length} events is a fault of ours (FUZZ_SEED=${SEED})`, async () => {
  assert.ok(shapes.length >= 40 && codes.size > 30, 'the contract is read');
  const mentor = stack.user({ role: 'MENTOR' });
  const people = [stack.user(), stack.user(), mentor, stack.user({ role: 'SUPER_ADMIN' })];
  const clients = await Promise.all(people.map((user) => stack.connect({ token: user.token, transports: ['websocket'] })));
  const bystander = await stack.connect({ token: stack.user().token });
  const [first] = clients;
  assert.ok(first);
  const roomId = newRoom();
  for (const client of clients) await join(client, roomId);
  await join(bystander, newRoom());
  const exam = await newExam(stack, mentor);
  const group = await ok(first, 'study-group-create', { name: 'EKG' });
  const message = await say(first, roomId, 'x');
  known.push(roomId, exam.id, group.id, group.room_id, message.id, `exam:${exam.id}`, ...people.map((user) => user.id));

  let [sent, done] = [0, 0];
  const refused = new Map();
  /** @param {import('./harness.mjs').Client} client @param {string} event @param {any} payload */
  const send = async (client, event, payload) => {
    const shown = `FUZZ_SEED=${SEED}: "${event}" ${JSON.stringify(payload)?.slice(0, 600)}`;
    const reply = await emitAck(client, event, payload, 15_000).catch((error) => assert.fail(`${shown}: ${error.message}`));
    sent += 1;
    if (reply?.ok) return void (done += 1);
    const code = reply?.error?.code;
    assert.ok(codes.has(code), `${shown} got ${JSON.stringify(reply)}`);
    assert.notEqual(code, 'server/internal', `${shown} got ${JSON.stringify(reply)}`);
    assert.doesNotMatch(reply.error.message, PARSER, `${shown} got ${JSON.stringify(reply)}`);
    refused.set(code, (refused.get(code) ?? 0) + 1);
  };
  for (const [event, payload] of FOUND) await send(first, event, payload);
  const until = Date.now() + SECONDS * 1_000;
  while (Date.now() < until) {
    await Promise.all(Array.from({ length: 24 }, () => {
      const { name, schema } = pick(shapes);
      return send(pick(clients), name, chance(0.03) ? anything() : made(schema));
    }));
    const began = Date.now();
    assert.ok((await emitAck(bystander, 'heartbeat')).serverTime);
    assert.ok(Date.now() - began < 2_000, `FUZZ_SEED=${SEED}: a bystander waited ${Date.now() - began} ms`);
  }
  const nats = await connectNats(stack.broker());
  try {
    const info = await (await jetstreamManager(nats)).streams.info('DEAD_LETTERS');
    assert.equal(info.state.messages, 0, `FUZZ_SEED=${SEED}: ${info.state.messages} dead letters`);
  } finally {
    await nats.close();
  }
  for (const service of stack.services) {
    assert.ok(service.alive(), `FUZZ_SEED=${SEED}: ${service.name} ended`);
    assert.doesNotMatch(service.tail(100_000), /panicked/, `FUZZ_SEED=${SEED}: ${service.name} panicked`);
  }
  console.log(`# ${sent} sent, ${done} done; refused: ${JSON.stringify(Object.fromEntries([...refused].sort(([, a], [, b]) => b - a)))}`);
  assert.ok(sent > 20 * SECONDS && done > sent / 50 && refused.size >= 10, `${sent} sent, ${done} done, ${refused.size} codes`);
}, { timeout: (SECONDS + 60) * 1_000 });
