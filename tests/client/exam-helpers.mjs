/** Exams for tests: authors, students, and what their answers are worth. */
import assert from 'node:assert/strict';

import { all, emitAck, ok, request, until } from './harness.mjs';

/** Worth repeating: it was not done, or nobody knows whether it was. */
const RETRYABLE = new Set(['server/busy', 'server/timeout', 'server/unavailable', 'server/internal']);

/**
 * A request to the HTTP API.
 *
 * @param {import('./harness.mjs').Stack} stack
 * @param {import('./harness.mjs').User | null} who
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body] JSON, or text if it is a string
 * @param {string} [type]
 * @returns {Promise<{ status: number, body: any }>}
 */
export async function api(stack, who, method, path, body, type = 'application/json') {
  const headers = {
    ...(who ? { authorization: `Bearer ${who.token}` } : {}),
    ...(body === undefined ? {} : { 'content-type': type }),
  };
  const sent = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const { status, text } = await request(`${stack.gateways[0]?.url}${path}`, { method, headers, body: sent });
  return { status, body: text ? JSON.parse(text) : null };
}

/** @param {number} correct @param {object} [more] */
export const single = (correct, more = {}) => ({
  text: `Which of these, number ${Math.random()}?`, options: ['a', 'b', 'c', 'd', 'e'], key: { kind: 'single-choice', correct }, ...more,
});

/** @param {number} count */
export const singles = (count) => Array.from({ length: count }, (_, n) => single(n % 5));

/**
 * A published exam.
 *
 * @param {import('./harness.mjs').Stack} stack
 * @param {import('./harness.mjs').User} author
 * @param {{ questions?: object[], title?: string, specialty?: string, durationMinutes?: number,
 *           negativeMarkingPercent?: number, publish?: boolean }} [options]
 * @returns {Promise<any>} its details
 */
export async function newExam(stack, author, { publish = true, questions = singles(5), ...more } = {}) {
  const made = await api(stack, author, 'POST', '/api/exams',
    { title: 'Tryout', specialty: 'Kardiologi', durationMinutes: 30, questions, ...more });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  if (!publish) return made.body;
  const published = await api(stack, author, 'POST', `/api/exams/${made.body.id}/publish`);
  assert.equal(published.status, 200, JSON.stringify(published.body));
  return published.body;
}

/**
 * Somebody connected who has joined the exam.
 *
 * @param {import('./harness.mjs').Stack} stack
 * @param {string} examId
 * @param {{ user?: import('./harness.mjs').User, port?: number, transports?: string[], reconnection?: boolean }} [options]
 */
export async function sitter(stack, examId, { user = stack.user(), ...more } = {}) {
  const client = await stack.connect({ token: user.token, transports: ['websocket'], ...more });
  const joined = await ok(client, 'join-exam', { examId });
  return { user, client, joined };
}

/**
 * Repeats an event until it is answered, as a client does whose server falls over.
 *
 * @param {import('./harness.mjs').Client} client
 * @param {string} event
 * @param {unknown} payload
 */
export async function insist(client, event, payload, within = 60_000) {
  const deadline = Date.now() + within;
  for (;;) {
    const reply = await emitAck(client, event, payload, 15_000)
      .catch((error) => ({ ok: false, error: { code: 'server/timeout', message: error.message } }));
    if (reply.ok) return reply;
    assert.ok(RETRYABLE.has(reply.error.code), `"${event}" was refused: ${JSON.stringify(reply.error)}`);
    assert.ok(Date.now() < deadline, `"${event}" was not done in time: ${JSON.stringify(reply.error)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** What single-choice answers are worth. @param {any} exam its details, with the key @param {(number | null)[]} answers */
export function score(exam, answers) {
  const wrong = exam.negative_marking_percent / 100;
  const points = exam.questions.map((/** @type {any} */ question, /** @type {number} */ n) => {
    const answer = answers[n] ?? null;
    if (answer === null) return 0;
    return answer === question.key.correct ? 1 : -wrong;
  });
  return Math.max(0, Math.round(points.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0) * 100) / 100);
}

/** Ends the time of an exam's sessions so many seconds from now. @param {import('./harness.mjs').Stack} stack */
export async function endIn(stack, /** @type {string} */ examId, /** @type {number} */ seconds) {
  await stack.sql('update exam_sessions set ends_at = now() + make_interval(secs => $2) where exam_id = $1', [examId, seconds]);
}

/** Waits until so many sessions of an exam are graded. @param {import('./harness.mjs').Stack} stack */
export async function graded(stack, /** @type {string} */ examId, /** @type {number} */ count, timeout = 20_000) {
  const rows = () => stack.sql('select * from exam_results where exam_id = $1', [examId]);
  return until(async () => {
    const found = await rows();
    return found.length >= count && found;
  }, { timeout, every: 50, what: `${count} results` });
}

/** The results an exam's student was told. @param {import('./harness.mjs').Client} client @param {string} examId */
export const told = (client, examId) => all(client, 'exam-completed', (payload) => payload.examId === examId);
