/** Every service is restarted, one replica after another, with people connected: as an upgrade does it. */
import assert from 'node:assert/strict';

import { newRoom, startStack, until } from './harness.mjs';
import { insist, newExam, singles, sitter, told } from './exam-helpers.mjs';
import { participant, talk, verify } from './load.mjs';

const stack = await startStack({ gateways: [{}, {}], chats: [{}, {}], exams: [{}, {}], boards: [{}, {}], bells: [{}, {}] });

stack.check('a rolling restart of everything loses nothing, and what is acknowledged stays so', async () => {
  stack.mine();
  const roomId = newRoom();
  const people = await Promise.all([0, 1, 0, 1].map((n) => participant(stack, roomId, { port: stack.gateways[n]?.port })));
  const exam = await newExam(stack, stack.user({ role: 'MENTOR' }), { questions: singles(20) });
  const students = await Promise.all(Array.from({ length: 20 }, (_, n) =>
    sitter(stack, exam.id, { port: stack.gateways[n % 2]?.port, reconnection: true })));
  let over = false;
  const acknowledged = new Map();
  const talking = talk(people, { each: 1_000_000, atOnce: 2, within: 120_000, acknowledged, enough: () => over });
  /** What each student's answers were when they were acknowledged last. */
  const answers = students.map(() => /** @type {(number | null)[]} */ (Array(20).fill(null)));
  const sitting = Promise.all(students.map(async ({ client }, n) => {
    for (let turn = 0; !over; turn += 1) {
      const [questionIndex, answer] = [turn % 20, (turn * 7 + n) % 5];
      await insist(client, 'exam-answer', { examId: exam.id, questionIndex, answer });
      const mine = answers[n];
      if (mine) mine[questionIndex] = answer;
    }
  }));
  const restarting = (async () => {
    for (const service of stack.services) {
      const before = acknowledged.size;
      const { code, ms } = await service.stop();
      assert.equal(code, 0, `${service.name} ends in good order`);
      assert.ok(ms < 12_000, `${service.name} took ${ms} ms to end`);
      await service.start();
      await until(() => acknowledged.size > before + 20, { timeout: 30_000, what: `people to go on after ${service.name}` });
    }
    over = true;
  })().finally(() => (over = true));
  await Promise.all([talking, sitting, restarting]);
  await Promise.all(students.map(({ client }) => insist(client, 'exam-complete', { examId: exam.id })));
  await until(() => students.every(({ client }) => told(client, exam.id).length > 0), { timeout: 20_000, what: 'everybody to be told' });
  for (const [n, { client }] of students.entries()) {
    const results = told(client, exam.id);
    assert.deepEqual(results[0].result.answers, answers[n]);
    client.close();
  }
  console.log(`# ${acknowledged.size} messages while ${stack.services.length} processes were restarted`);
  await verify(stack, people, acknowledged);
}, { timeout: 170_000 });
