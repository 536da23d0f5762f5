/** The server's clock decides: what counts, when it ends, and that it ends once. */
import assert from 'node:assert/strict';

import { all, emitAck, next, ok, refusal, startStack, until } from './harness.mjs';
import { endIn, graded, newExam, sitter, single, singles, told } from './exam-helpers.mjs';

const stack = await startStack({ chats: [], gateways: [{}, {}], exams: [{}, {}] });
const mentor = stack.user({ role: 'MENTOR' });
const GRACE_MS = 2_000;

/** @param {number[]} values @param {number} share */
const quantile = (values, share) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;

stack.check('exam-complete from two sockets at once gives one result, the same for each', async () => {
  const { id: examId } = await newExam(stack, mentor);
  const { user, client } = await sitter(stack, examId);
  const other = await sitter(stack, examId, { user, port: stack.gateways[1]?.port });
  await ok(client, 'exam-answer', { examId, questionIndex: 0, answer: 0 });
  const [one, two] = await Promise.all([ok(client, 'exam-complete', { examId }), ok(other.client, 'exam-complete', { examId })]);
  assert.deepEqual(one.result, two.result);
  assert.equal(one.reason, 'submitted');
  const later = await ok(client, 'exam-complete', { examId });
  assert.deepEqual(later.result, one.result);
  for (const each of [client, other.client]) {
    const event = await next(each, 'exam-completed');
    assert.deepEqual(event.result, one.result);
  }
  assert.equal((await graded(stack, examId, 1)).length, 1);
});

stack.check('exam-complete together with the end of time gives one result', async () => {
  const { id: examId } = await newExam(stack, mentor);
  const students = await Promise.all(Array.from({ length: 30 }, () => sitter(stack, examId)));
  await Promise.all(students.map(({ client }) => ok(client, 'exam-answer', { examId, questionIndex: 1, answer: 1 })));
  const ends = Date.now() + 500;
  await endIn(stack, examId, 0.5 - GRACE_MS / 1000);
  // Each at another moment around the one at which the server ends it.
  const replies = await Promise.all(students.map(async ({ client }, n) => {
    await until(() => Date.now() >= ends - 150 + n * 10, { every: 2 });
    return ok(client, 'exam-complete', { examId });
  }));
  const rows = await graded(stack, examId, students.length);
  assert.equal(rows.length, students.length);
  for (const [n, { client, user }] of students.entries()) {
    const [event] = await until(() => told(client, examId).length > 0 && told(client, examId), { what: 'exam-completed' });
    assert.deepEqual(event.result, replies[n].result);
    assert.equal(event.result.score, 1);
    assert.equal(told(client, examId).length, 1);
    assert.equal(rows.filter((row) => row.user_id === user.id).length, 1);
  }
  const reasons = new Set(replies.map((reply) => reply.reason));
  console.log(`# completed by: ${[...reasons].join(' and ')}`);
});

stack.check('two hundred sessions that end together are graded once, within a second, with nobody there', async () => {
  const { id: examId } = await newExam(stack, mentor, { questions: singles(5) });
  const students = await Promise.all(Array.from({ length: 200 }, () => sitter(stack, examId)));
  await Promise.all(students.map(({ client }, n) => ok(client, 'exam-answer', { examId, questionIndex: 0, answer: n % 5 })));
  for (const { client } of students) client.close();
  await endIn(stack, examId, 1);
  const rows = await graded(stack, examId, 200);
  const late = rows.map((row) => row.graded_at - row.completed_at - GRACE_MS);
  console.log(`# graded after the last moment that counts, ms: p50 ${quantile(late, 0.5)}, p99 ${quantile(late, 0.99)}, worst ${Math.max(...late)}`);
  assert.ok(quantile(late, 0.99) <= 1_000);
  assert.equal(new Set(rows.map((row) => row.user_id)).size, 200);
  const sessions = await stack.sql('select ends_at, completed_at, reason from exam_sessions where exam_id = $1', [examId]);
  for (const session of sessions) {
    assert.deepEqual(session.completed_at, session.ends_at, 'stamped at the deadline');
    assert.equal(session.reason, 'time-expired');
  }
  const right = rows.filter((row) => Number(row.score_hundredths) === 100).length;
  assert.equal(right, 40);
});

stack.check('a service that was down at the deadline grades when it returns: what was in time counts, what was late does not', async () => {
  const { id: examId } = await newExam(stack, mentor, { questions: singles(5) });
  const students = await Promise.all(Array.from({ length: 51 }, () => sitter(stack, examId)));
  await Promise.all(stack.exams.map((service) => service.kill()));
  await endIn(stack, examId, 1);
  /** @param {any} client @param {string} event @param {object} more */
  const send = (client, event, more) => emitAck(client, event, { examId, ...more }, 20_000);
  const answer = (/** @type {any} */ client, /** @type {number} */ index) => send(client, 'exam-answer', { questionIndex: index, answer: index });
  const autosave = (/** @type {any} */ client, /** @type {number[]} */ answers) =>
    send(client, 'exam-progress', { currentQuestion: 1, timeRemaining: 60, answers });
  const complete = (/** @type {any} */ client) => send(client, 'exam-complete', {});
  /** What each third of them sends in time, what late, and what comes of that: all of it waits for the service. */
  const thirds = /** @type {const} */ ([
    { inTime: (/** @type {any} */ client) => [answer(client, 0)], late: answer, code: 'exam/time-expired' },
    { inTime: (/** @type {any} */ client) => [autosave(client, [0])], late: (/** @type {any} */ client) => autosave(client, [0, 1]), code: 'exam/time-expired' },
    { inTime: (/** @type {any} */ client) => [answer(client, 0), complete(client)], late: answer, code: 'exam/completed' },
  ]);
  const third = (/** @type {number} */ n) => thirds[/** @type {0 | 1 | 2} */ (n % 3)];
  /** @type {Promise<any>[]} */
  const inTime = students.flatMap(({ client }, n) => third(n).inTime(client));
  const [row] = await stack.sql('select ends_at from exam_sessions where exam_id = $1 limit 1', [examId]);
  await until(() => Date.now() > row.ends_at.getTime() + GRACE_MS + 50, { timeout: 10_000 });
  const late = students.map(({ client }, n) => third(n).late(client, 1));
  // Who hands in too late has what the clock gives them.
  const completing = students.filter((_, n) => n % 3 === 0).map(({ client }) => complete(client));
  // Behind what was just sent, on the same socket: everything is with the broker before the service is back.
  await Promise.all(students.map(({ client }) => emitAck(client, 'heartbeat', {})));
  await Promise.all(stack.exams.map((service) => service.start()));
  for (const reply of await Promise.all(inTime)) assert.equal(reply.ok, true, JSON.stringify(reply));
  for (const [n, reply] of (await Promise.all(late)).entries()) assert.equal(reply.error?.code, third(n).code, JSON.stringify(reply));
  for (const reply of await Promise.all(completing)) assert.deepEqual([reply.ok, reply.reason], [true, 'time-expired']);
  const rows = await graded(stack, examId, students.length);
  for (const [n, { client, user }] of students.entries()) {
    const event = await next(client, 'exam-completed');
    const isHandedIn = n % 3 === 2;
    assert.equal(event.reason, isHandedIn ? 'submitted' : 'time-expired');
    assert.deepEqual(event.result.answers, [0, null, null, null, null]);
    const results = rows.filter((result) => result.user_id === user.id);
    assert.equal(results.length, 1);
    assert.equal(Number(results[0].score_hundredths), 100);
    if (isHandedIn) assert.ok(results[0].completed_at <= row.ends_at, 'stamped in time');
    else assert.deepEqual(results[0].completed_at, row.ends_at, 'stamped at the deadline');
  }
});

stack.check('a client whose clock is wrong by an hour gains nothing', async () => {
  const { id: examId } = await newExam(stack, mentor, { durationMinutes: 10 });
  const { client, joined } = await sitter(stack, examId);
  assert.ok(joined.session.time_remaining > 590 && joined.session.time_remaining <= 600);
  // What a client needs to show the right time whatever its own clock says.
  assert.ok(Date.parse(joined.session.ends_at) - Date.parse(joined.serverTime) <= 600_000);
  const saved = await ok(client, 'exam-progress', { examId, currentQuestion: 1, timeRemaining: 999_999, answers: [] });
  assert.ok(saved.timeRemaining <= 600, `got ${saved.timeRemaining}`);
  const again = await ok(client, 'join-exam', { examId });
  assert.equal(again.session.ends_at, joined.session.ends_at);
  await endIn(stack, examId, -GRACE_MS / 1000);
  await refusal(client, 'exam-progress', { examId, currentQuestion: 1, timeRemaining: 999_999, answers: [1] }, 'exam/time-expired');
  const event = await next(client, 'exam-completed');
  assert.equal(event.reason, 'time-expired');
  assert.deepEqual(event.result.answers, [null, null, null, null, null]);
});

stack.check('a synchronised exam begins for all who wait, and ends for all', async () => {
  const { id: examId } = await newExam(stack, mentor, { questions: [single(1), single(2)], publish: true });
  const start = new Date(Date.now() + 2_000);
  const end = new Date(start.getTime() + 1_500);
  const { api } = await import('./exam-helpers.mjs');
  const scheduled = await api(stack, mentor, 'PUT', `/api/exams/${examId}/schedule`,
    { scheduledStart: start.toISOString(), scheduledEnd: end.toISOString() });
  assert.equal(scheduled.status, 200, JSON.stringify(scheduled.body));
  const students = await Promise.all(stack.gateways.map(({ port }) => sitter(stack, examId, { port })));
  for (const { client, joined } of students) {
    assert.equal(joined.session.status, 'WAITING');
    assert.deepEqual(joined.exam.questions, []);
    assert.equal(joined.session.ends_at, end.toISOString());
    await refusal(client, 'exam-answer', { examId, questionIndex: 0, answer: 1 }, 'exam/not-started');
    await refusal(client, 'exam-complete', { examId }, 'exam/not-started');
  }
  for (const { client } of students) {
    const started = await next(client, 'exam-started');
    assert.equal(started.exam.questions.length, 2);
    assert.equal(started.endsAt, end.toISOString());
    assert.ok(Date.parse(started.serverTime) >= start.getTime());
    await ok(client, 'exam-answer', { examId, questionIndex: 0, answer: 1 });
  }
  const latecomer = await sitter(stack, examId);
  assert.equal(latecomer.joined.session.status, 'IN_PROGRESS');
  assert.equal(latecomer.joined.exam.questions.length, 2);
  assert.equal(latecomer.joined.session.ends_at, end.toISOString());
  for (const { client } of [...students, latecomer]) {
    const event = await next(client, 'exam-completed');
    assert.equal(event.reason, 'time-expired');
    assert.equal(event.result.completed_at, end.toISOString());
    assert.equal(all(client, 'exam-started').length, client === latecomer.client ? 0 : 1);
  }
  const tooLate = await stack.connect({ token: stack.user().token });
  await refusal(tooLate, 'join-exam', { examId }, 'exam/over');
});
