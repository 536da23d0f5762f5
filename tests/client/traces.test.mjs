/**
 * One click is one trace: from the client's event through gateway, broker, service, database and back to the sockets, as a
 * real trace store keeps it.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';

import { ok, join, newRoom, next, startStack, until } from './harness.mjs';
import { newExam, singles, sitter } from './exam-helpers.mjs';
import { startTraceStore } from './trace-store.mjs';

const store = await startTraceStore();
const traced = [{ SINAESTA__TELEMETRY__OTLP_ENDPOINT: store.otlp, OTEL_BSP_SCHEDULE_DELAY: '200' }];
const stack = await startStack({ gateways: traced, chats: traced, exams: traced, boards: traced, bells: traced });

/** @typedef {{ id: string, parent: string | null, service: string, name: string, what: string }} Span */

/** A trace of a client's own. */
function begin() {
  const [trace, span] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  return { trace, span, metadata: { traceparent: `00-${trace}-${span}-01` } };
}

/** @param {string} trace @returns {Promise<Span[]>} */
async function spans(trace) {
  return (await store.spans(trace)).map(({ name, context, parent_id: parent, attributes }) => ({
    id: context.span_id, parent, service: String(attributes['service.name']), name,
    what: String(attributes.event ?? attributes['messaging.destination.name'] ?? attributes['db.query.summary'] ?? ''),
  }));
}

/**
 * The way of hops from the client's own span downwards, each the child of the one before.
 *
 * @param {Span[]} all @param {string} from @param {[string, string, string][]} hops service, span, and the beginning of what it is about
 * @returns {boolean}
 */
function leads(all, from, [hop, ...rest]) {
  if (!hop) return true;
  const [service, name, what] = hop;
  return all.some((span) => span.parent === from && span.service === service && span.name === name &&
    span.what.startsWith(what) && leads(all, span.id, rest));
}

/**
 * Waits for ways to be complete, and for the trace to be one tree.
 *
 * @param {ReturnType<typeof begin>} begun @param {[string, string, string][][]} ways
 */
async function complete(begun, ways) {
  let seen = /** @type {Span[]} */ ([]);
  await until(async () => {
    seen = await spans(begun.trace);
    return ways.every((way) => leads(seen, begun.span, way));
  }, {
    timeout: 30_000, every: 300,
    what: () => `${ways.filter((way) => !leads(seen, begun.span, way)).map((way) => way.map((hop) => hop.join(' ')).join(' → ')).join('\n')}\namong\n${seen.map((span) => `${span.service} ${span.name} ${span.what}`).join('\n')}`,
  });
  // Whatever belongs to it hangs together: nothing has a parent that is not there.
  await until(async () => {
    seen = await spans(begun.trace);
    const ids = new Set([begun.span, ...seen.map((span) => span.id)]);
    return seen.every((span) => span.parent !== null && ids.has(span.parent));
  }, { timeout: 15_000, every: 300, what: 'a tree without orphans' });
  return seen;
}

stack.check('a message is one connected trace, from the event to the emit', async () => {
  const [one, other] = await Promise.all([1, 2].map(() => stack.connect({ token: stack.user().token })));
  const roomId = newRoom();
  for (const client of [one, other]) await join(client, roomId);
  const begun = begin();
  await ok(one, 'send-message', { roomId, message: 'traced', metadata: begun.metadata });
  await next(other, 'receive-message');
  /** @type {[string, string, string][]} */
  const toService = [
    ['gateway', 'gateway.event', 'send-message'],
    ['gateway', 'command.publish', 'chat.send-message-v1'],
    ['chat', 'command.process', 'chat.send-message-v1'],
  ];
  await complete(begun, [
    [...toService, ['chat', 'db.query', 'WITH input']],
    [...toService, ['chat', 'delivery.publish', 'receive-message'], ['gateway', 'gateway.deliver', 'receive-message'], ['gateway', 'socket.emit', 'receive-message']],
    [...toService, ['chat', 'event.publish', 'event.chat.messages-posted-v1'], ['notification', 'event.process', 'event.chat.messages-posted-v1']],
  ]);
});

stack.check('completing an exam is one connected trace, to the board and to the bell', async () => {
  const exam = await newExam(stack, stack.user({ role: 'MENTOR' }), { questions: singles(2) });
  const { client } = await sitter(stack, exam.id);
  await ok(client, 'exam-answer', { examId: exam.id, questionIndex: 0, answer: 0 });
  const begun = begin();
  await ok(client, 'exam-complete', { examId: exam.id, metadata: begun.metadata });
  await next(client, 'exam-completed');
  await next(client, 'new-notification');
  /** @type {[string, string, string][]} */
  const toService = [
    ['gateway', 'gateway.event', 'exam-complete'],
    ['gateway', 'command.publish', 'exam-grading.complete-exam-v1'],
    ['exam-grading', 'command.process', 'exam-grading.complete-exam-v1'],
  ];
  /** @type {[string, string, string][]} */
  const graded = [...toService, ['exam-grading', 'event.publish', 'event.exam.graded-v1']];
  const seen = await complete(begun, [
    [...toService, ['exam-grading', 'db.query', 'INSERT INTO exam_results']],
    [...toService, ['exam-grading', 'db.query', 'COMMIT']],
    [...toService, ['exam-grading', 'delivery.publish', 'exam-completed'], ['gateway', 'gateway.deliver', 'exam-completed'], ['gateway', 'socket.emit', 'exam-completed']],
    [...graded, ['leaderboard', 'event.process', 'event.exam.graded-v1'], ['leaderboard', 'event.publish', 'event.leaderboard.standings-changed-v1']],
    [...graded, ['notification', 'event.process', 'event.exam.graded-v1'], ['notification', 'command.publish', 'notification.notify-v1'],
      ['notification', 'command.process', 'notification.notify-v1'], ['notification', 'delivery.publish', 'new-notification'],
      ['gateway', 'gateway.deliver', 'new-notification'], ['gateway', 'socket.emit', 'new-notification']],
  ]);
  assert.deepEqual(new Set(seen.map((span) => span.service)), new Set(['gateway', 'exam-grading', 'leaderboard', 'notification']));
});

stack.check('many commands in one transaction: each trace goes on, and is linked to where the work was done', async () => {
  const clients = await Promise.all(Array.from({ length: 20 }, () => stack.connect({ token: stack.user().token })));
  const roomId = newRoom();
  for (const client of clients) await join(client, roomId);
  const begun = clients.map(begin);
  await Promise.all(clients.flatMap((client, n) => [ok(client, 'send-message', { roomId, message: `${n}`, metadata: begun[n]?.metadata })]));
  for (const one of begun) {
    await complete(one, [[
      ['gateway', 'gateway.event', 'send-message'], ['gateway', 'command.publish', 'chat.send-message-v1'],
      ['chat', 'command.process', 'chat.send-message-v1'], ['chat', 'delivery.publish', 'receive-message'],
      ['gateway', 'gateway.deliver', 'receive-message'], ['gateway', 'socket.emit', 'receive-message'],
    ]]);
  }
});
