/** Accounts: whoever is suspended, or whose tokens are revoked, is out, everywhere and at once. */
import assert from 'node:assert/strict';
import { createSign, generateKeyPairSync, randomUUID } from 'node:crypto';
import http from 'node:http';
import { after } from 'node:test';

import { connected, disconnected, emitAck, join, mint, newRoom, ok, refused, request, say, settled, startStack, until } from './harness.mjs';
import { api, newExam, singles } from './exam-helpers.mjs';

const stack = await startStack({ gateways: [{}, {}], exams: [{}] });
const [, otherGateway] = stack.gateways;
const admin = stack.user({ role: 'PROGRAM_ADMIN' });
const chief = stack.user({ role: 'SUPER_ADMIN' });
// Both are known from their first request on.
for (const who of [admin, chief]) await api(stack, who, 'GET', '/api/notifications/preferences');

/** @param {import('./harness.mjs').User} who @param {import('./harness.mjs').User} by @param {boolean} suspended */
const suspend = (who, by, suspended, more = {}) => api(stack, by, 'PUT', `/api/users/${who.id}/suspension`, { suspended, ...more });
/** @param {import('./harness.mjs').User} who @param {import('./harness.mjs').User} by */
const revoke = (who, by) => api(stack, by, 'POST', `/api/users/${who.id}/tokens/revoke`, {});

/** Somebody with a socket on each gateway. */
async function onBoth() {
  const user = stack.user();
  const sockets = await Promise.all([undefined, otherGateway?.port].map((port) => stack.connect({ token: user.token, ...(port ? { port } : {}) })));
  return { user, sockets };
}

stack.check('whoever is suspended is disconnected on all gateways within a second, and can not return', async () => {
  const { user, sockets } = await onBoth();
  const bystander = await onBoth();
  const began = Date.now();
  assert.equal((await suspend(user, admin, true, { reason: 'Menyontek' })).status, 204);
  for (const socket of sockets) await disconnected(socket);
  assert.ok(Date.now() - began < 1_000, `${Date.now() - began} ms`);
  for (const port of [undefined, otherGateway?.port]) {
    const error = await refused(stack.open({ token: user.token, ...(port ? { port } : {}) }));
    assert.equal(error.message, 'Authentication error: Invalid token');
  }
  const fresh = mint(stack.infra().jwtSecret, { userId: user.id, name: user.name, role: user.role });
  await refused(stack.open({ token: fresh }));
  const byHttp = await api(stack, user, 'GET', '/api/exams');
  assert.deepEqual([byHttp.status, byHttp.body.error.code], [401, 'auth/invalid-token']);
  for (const socket of bystander.sockets) await settled(socket);
  assert.equal((await suspend(user, admin, false)).status, 204);
  const back = await stack.connect({ token: user.token });
  await join(back, newRoom());
  const history = await stack.sql('select action, reason, by_user from account_actions where user_id = $1 order by at', [user.id]);
  assert.deepEqual(history, [{ action: 'suspend', reason: 'Menyontek', by_user: admin.id }, { action: 'restore', reason: null, by_user: admin.id }]);
});

stack.check('revoked tokens count no more, new ones do', async () => {
  const { user, sockets } = await onBoth();
  const claims = { userId: user.id, name: user.name, role: user.role };
  const began = Date.now();
  assert.equal((await revoke(user, admin)).status, 204);
  for (const socket of sockets) await disconnected(socket);
  assert.ok(Date.now() - began < 1_000, `${Date.now() - began} ms`);
  await refused(stack.open({ token: user.token }));
  await refused(stack.open({ token: mint(stack.infra().jwtSecret, { ...claims, iat: undefined }) }));
  // Whole seconds can't say whether it was before or after: of the revocation's own second none counts.
  const [{ at }] = await stack.sql("select extract(epoch from tokens_valid_from)::float8 as at from users where id = $1", [user.id]);
  await refused(stack.open({ token: mint(stack.infra().jwtSecret, { ...claims, iat: Math.floor(at) }) }));
  await refused(stack.open({ token: mint(stack.infra().jwtSecret, { ...claims, iat: at + (Math.ceil(at) - at) / 2 }) }));
  const later = mint(stack.infra().jwtSecret, { ...claims, iat: Math.floor(at) + 1 });
  const back = await stack.connect({ token: later });
  // An old token does not take the place of a good one either.
  const reply = await emitAck(back, 'auth-refresh', { token: user.token });
  assert.deepEqual([reply.ok, reply.error.code], [false, 'auth/invalid-token']);
  await settled(back);
});

stack.check('a gateway that was not notified finds out by itself', async () => {
  const { user, sockets } = await onBoth();
  // Without the trigger, which notifies.
  await stack.sql(`begin; set local session_replication_role = replica;
    update users set suspended_at = now(), account_changed_at = now() where id = '${user.id}'; commit`);
  for (const socket of sockets) await disconnected(socket, 15_000);
});

/** @param {import('./harness.mjs').User} who @param {string} role as the platform's own back end changes it */
const become = (who, role) => stack.sql('update users set role = $2 where id = $1', [who.id, role]);

stack.check('a role that is taken away governs open sockets within a second, what they had joined and the old token', async () => {
  const [mentor, student] = [stack.user({ role: 'MENTOR' }), stack.user()];
  const roomId = `mentor:${student.id}`;
  const owner = await stack.connect({ token: student.token });
  await join(owner, roomId);
  const { id: examId } = await newExam(stack, mentor, { questions: singles(1) });
  const ports = [stack.gateways[0]?.port, otherGateway?.port];
  const sockets = await Promise.all(ports.map((port, n) => stack.connect({
    token: mentor.token, ...(port ? { port } : {}), transports: [n ? 'websocket' : 'polling'], reconnection: true,
  })));
  for (const socket of sockets) {
    await join(socket, roomId);
    await ok(socket, 'exam-monitor', { examId });
  }
  const bystander = await stack.connect({ token: stack.user({ role: 'MENTOR' }).token });
  const began = Date.now();
  await become(mentor, 'STUDENT');
  // Dropped, not told to stay away: the official client comes back by itself.
  await until(() => sockets.every((socket) => socket.disconnects.length === 1), { timeout: 1_000, every: 5, what: 'the sockets to be dropped' });
  assert.ok(Date.now() - began < 1_000, `${Date.now() - began} ms`);
  for (const socket of sockets) {
    assert.equal(socket.disconnects[0]?.reason, 'transport close');
    await connected(socket);
    const heard = socket.received.length;
    await say(owner, roomId, 'for mentors');
    for (const [event, payload] of /** @type {const} */ ([['join-room', { roomId }], ['send-message', { roomId, message: 'still here' }],
      ['exam-monitor', { examId }], ['mute-user', { roomId, userId: student.id, muted: true }]])) {
      const reply = await emitAck(socket, event, payload);
      assert.equal(reply.ok, false, event);
    }
    assert.ok(!socket.received.slice(heard).some(({ name }) => name === 'receive-message'));
    // The token says mentor; the account governs.
    const claims = { userId: mentor.id, name: mentor.name, role: 'MENTOR' };
    await ok(socket, 'auth-refresh', { token: mint(stack.infra().jwtSecret, claims) });
    assert.equal((await emitAck(socket, 'exam-monitor', { examId })).ok, false);
  }
  const byHttp = await api(stack, mentor, 'GET', `/api/exams/${examId}/results`);
  assert.equal(byHttp.status, 403);
  await settled(bystander);
});

stack.check('a role that is given governs at once, and other changes of an account disturb nobody', async () => {
  const user = stack.user();
  const student = stack.user();
  const roomId = `mentor:${student.id}`;
  await join(await stack.connect({ token: student.token }), roomId);
  const socket = await stack.connect({ token: user.token, reconnection: true });
  assert.equal((await emitAck(socket, 'join-room', { roomId })).ok, false);
  await stack.sql("update users set name = 'Other', specialty = 'Bedah', role = role where id = $1", [user.id]);
  await settled(socket);
  assert.equal(socket.disconnects.length, 0);
  await become(user, 'MENTOR');
  await until(() => socket.disconnects.length === 1, { timeout: 1_000, every: 5, what: 'the socket to be dropped' });
  await connected(socket);
  await join(socket, roomId);
});

stack.check('who connects while roles change has the role that stands at the end', async () => {
  const student = stack.user();
  const roomId = `mentor:${student.id}`;
  await join(await stack.connect({ token: student.token }), roomId);
  const people = Array.from({ length: 20 }, () => stack.user({ role: 'MENTOR' }));
  const sockets = people.map((user, n) => stack.open({ token: user.token, reconnection: true, ...(n % 2 ? { port: otherGateway?.port } : {}) }));
  for (const who of people) await api(stack, who, 'GET', '/api/notifications/preferences');
  const opening = sockets.map((socket) => connected(socket));
  await Promise.all(people.map((user) => become(user, 'STUDENT')));
  await Promise.all(opening);
  const refusedAll = async () => {
    const replies = await Promise.all(sockets.map((socket) => emitAck(socket, 'join-room', { roomId }).catch(() => null)));
    return replies.every((reply) => reply?.ok === false);
  };
  await until(refusedAll, { timeout: 3_000, what: 'all of them to be students' });
});

stack.check('who may do it, and to whom', async () => {
  const { user } = await onBoth();
  const [student, mentor, otherAdmin] = [stack.user(), stack.user({ role: 'MENTOR' }), stack.user({ role: 'PROGRAM_ADMIN' })];
  await api(stack, otherAdmin, 'GET', '/api/exams');
  for (const by of [student, mentor]) {
    for (const answer of [await suspend(user, by, true), await revoke(user, by)]) assert.deepEqual([answer.status, answer.body.error.code], [403, 'auth/forbidden']);
  }
  for (const answer of [await suspend(otherAdmin, admin, true), await revoke(chief, admin), await suspend(admin, admin, true), await suspend(chief, chief, true), await revoke(admin, admin), await revoke(chief, chief)]) {
    assert.deepEqual([answer.status, answer.body.error.code], [403, 'auth/forbidden']);
  }
  assert.equal((await suspend(otherAdmin, chief, true)).status, 204);
  for (const id of [randomUUID(), 'nobody']) {
    const answer = await api(stack, admin, 'PUT', `/api/users/${id}/suspension`, { suspended: true });
    assert.deepEqual([answer.status, answer.body.error.code], [404, 'user/not-found']);
  }
  for (const body of [{}, { suspended: 'yes' }, { suspended: true, until: 'x' }]) {
    const answer = await api(stack, admin, 'PUT', `/api/users/${user.id}/suspension`, body);
    assert.deepEqual([answer.status, answer.body.error.code], [400, 'request/invalid-payload']);
  }
});

stack.check('keys that are published change without a restart', async () => {
  /** @type {Map<string, import('node:crypto').KeyPairKeyObjectResult>} */
  const keys = new Map();
  const add = (/** @type {string} */ kid) => keys.set(kid, generateKeyPairSync('rsa', { modulusLength: 2048 }));
  add('first');
  let reads = 0;
  const publisher = http.createServer((_, response) => {
    reads += 1;
    const published = [...keys].map(([kid, pair]) => ({ ...pair.publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' }));
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: [...published, { kty: 'oct', kid: 'shared', k: 'c2VjcmV0' }] }));
  });
  await new Promise((resolve) => publisher.listen(0, '127.0.0.1', () => resolve(null)));
  after(() => publisher.close());
  const { port } = /** @type {import('node:net').AddressInfo} */ (publisher.address());
  const gateway = await stack.addService('gateway', { SINAESTA__AUTH__JWKS_URL: `http://127.0.0.1:${port}/keys.json`, SINAESTA__AUTH__JWKS_REFRESH_S: '1' });
  /** @param {string} kid @param {object} [head] */
  const token = (kid, head = {}) => {
    const now = Math.floor(Date.now() / 1000);
    const part = (/** @type {object} */ value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const unsigned = `${part({ alg: 'RS256', typ: 'JWT', kid, ...head })}.${part({ sub: randomUUID(), name: 'Sari', role: 'STUDENT', iat: now, exp: now + 600 })}`;
    const pair = keys.get(kid);
    return `${unsigned}.${pair ? createSign('RSA-SHA256').update(unsigned).sign(pair.privateKey, 'base64url') : 'x'}`;
  };
  const open = (/** @type {string} */ with_) => stack.open({ token: with_, port: gateway.port });
  const first = open(token('first'));
  await connected(first);
  await ok(first, 'set-status', { status: 'online' });
  add('second');
  await until(async () => {
    const client = open(token('second'));
    const is = await connected(client).then(() => true, () => false);
    client.close();
    return is;
  }, { timeout: 15_000, every: 300, what: 'the new key' });
  keys.delete('first');
  const old = generateKeyPairSync('rsa', { modulusLength: 2048 });
  assert.ok(old);
  for (const bad of ['', 'shared', 'made-up']) await refused(open(token(bad)));
  await refused(open(token('second', { alg: 'HS256' })));
  await refused(open(mint(stack.infra().jwtSecret, { userId: randomUUID(), role: 'SUPER_ADMIN' })));
  // Made-up names are no way to have the keys read as often as one likes.
  const before = reads;
  await Promise.all(Array.from({ length: 50 }, (_, n) => refused(open(token(`made-up-${n}`)))));
  assert.ok(reads - before <= 3, `${reads - before} reads`);
  await gateway.stop();
  assert.equal((await request(`http://127.0.0.1:${port}/keys.json`)).status, 200);
}, { timeout: 60_000 });
