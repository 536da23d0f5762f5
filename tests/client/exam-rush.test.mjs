/** Five hundred students in one exam, two replicas: every answer counts, whatever falls over. */
import assert from 'node:assert/strict';
import process from 'node:process';

import { isAlive, startStack, until } from './harness.mjs';
import { insist, newExam, score, singles, sitter, told } from './exam-helpers.mjs';

const stack = await startStack({ chats: [], exams: [{}, {}] });
const mentor = stack.user({ role: 'MENTOR' });
const STUDENTS = 500;
const QUESTIONS = 20;

/** A generator that gives the same numbers every time. @param {number} seed */
function numbers(seed) {
  let state = seed;
  return (/** @type {number} */ below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

/**
 * What one student sends: an answer for each question, a third of them changed afterwards, and an autosave that is out
 * of date.
 *
 * @param {number} who
 */
function plan(who) {
  const random = numbers(who + 1);
  /** @type {[string, object][]} */
  const events = [];
  const first = Array.from({ length: QUESTIONS }, () => random(5));
  const last = [...first];
  first.forEach((answer, questionIndex) => events.push(['exam-answer', { questionIndex, answer }]));
  for (let questionIndex = 0; questionIndex < QUESTIONS; questionIndex += 1) {
    if (random(3) > 0) continue;
    last[questionIndex] = (first[questionIndex] + 1 + random(4)) % 5;
    events.push(['exam-answer', { questionIndex, answer: last[questionIndex] }]);
  }
  // A tab that was forgotten saves what it once had.
  if (random(3) === 0) events.push(['exam-progress', { currentQuestion: 3, timeRemaining: 999_999, answers: first }]);
  return { events, last };
}

/** @param {(answered: (count: number) => Promise<unknown>) => Promise<void>} havoc */
async function rush(havoc) {
  const exam = await newExam(stack, mentor, { questions: singles(QUESTIONS), negativeMarkingPercent: 25 });
  const examId = exam.id;
  const students = [];
  for (let from = 0; from < STUDENTS; from += 100) {
    students.push(...await Promise.all(Array.from({ length: 100 }, async (_, n) => ({
      ...await sitter(stack, examId), plan: plan(from + n),
    }))));
  }
  let answered = 0;
  const answering = Promise.all(students.map(async ({ client, plan }) => {
    // Nothing is waited for before the next is sent.
    await Promise.all(plan.events.map(async ([event, payload]) => {
      await insist(client, event, { examId, ...payload });
      answered += 1;
    }));
  }));
  const total = students.reduce((sum, student) => sum + student.plan.events.length, 0);
  const reached = (/** @type {number} */ share) =>
    until(() => answered >= total * share, { timeout: 60_000, every: 2, what: () => `${share} of ${total} answers, got ${answered}` });
  await Promise.all([answering, havoc(reached)]);
  const began = Date.now();
  await Promise.all(students.map(({ client }) => insist(client, 'exam-complete', { examId })));
  await until(() => students.every(({ client }) => told(client, examId).length > 0), { timeout: 20_000, what: 'everybody to be told' });
  console.log(`# ${total} answers, ${STUDENTS} completed in ${Date.now() - began} ms`);
  const rows = await stack.sql('select user_id, score_hundredths::int as score from exam_results where exam_id = $1', [examId]);
  assert.equal(rows.length, STUDENTS);
  const stored = new Map(rows.map((row) => [row.user_id, row.score / 100]));
  for (const { user, client, plan } of students) {
    const expected = score(exam, plan.last);
    assert.equal(stored.get(user.id), expected, `${user.name} answered ${plan.last}`);
    const results = told(client, examId);
    assert.equal(results.length, 1, 'told once');
    assert.equal(results[0].result.score, expected);
    assert.deepEqual(results[0].result.answers, plan.last);
  }
  for (const { client } of students) client.close();
}

stack.check('without any fault', () => rush(async () => {}), { timeout: 120_000 });

stack.check('a replica is killed in the middle, and started again later', () => rush(async (reached) => {
  const [replica] = stack.exams;
  await reached(0.3);
  await replica?.kill();
  await reached(0.7);
  await replica?.start();
}), { timeout: 120_000 });

stack.check('Postgres is restarted in the middle', () => rush(async (reached) => {
  await reached(0.4);
  const { pid } = stack.infra().postgres;
  process.kill(pid, 'SIGINT');
  await until(() => !isAlive(pid), { what: 'Postgres to be gone' });
  await until(() => stack.infra().postgres.pid !== pid && isAlive(stack.infra().postgres.pid), {
    timeout: 30_000, what: 'Postgres to be started again',
  });
}), { timeout: 120_000 });
