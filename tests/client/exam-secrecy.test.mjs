/** The key, the explanations and other students' answers never leave the server before an exam is graded. */
import assert from 'node:assert/strict';

import { connected, ok, request, settled, startStack } from './harness.mjs';
import { api, newExam, sitter } from './exam-helpers.mjs';

const stack = await startStack({ exams: [{}] });
const mentor = stack.user({ role: 'MENTOR' });

/** What nobody but the authors may ever see of the exam, and what only the other student may. */
const SECRETS = ['PENJELASAN-RAHASIA', '731.625', '0.0375', 'explanation', 'tolerance', 'correct"', '"key"'];
const OTHERS_ANSWER = '86420.125';

const questions = () => [
  { text: 'Berapa?', key: { kind: 'numeric', value: 731.625, tolerance: 0.0375 }, explanation: 'PENJELASAN-RAHASIA satu' },
  { text: 'Yang mana?', options: ['a', 'b'], key: { kind: 'single-choice', correct: 1 }, explanation: 'PENJELASAN-RAHASIA dua' },
];

for (const transport of ['websocket', 'polling']) {
  stack.check(`no byte that a student receives by ${transport} says what is right, or what others answered`, async () => {
    const { id: examId } = await newExam(stack, mentor, { questions: questions() });
    /** @type {string[]} */
    const bytes = [];
    const user = stack.user();
    const client = stack.open({ token: user.token, transports: [transport] });
    // Every packet as it came, before anything is parsed of it.
    client.socket.io.on('open', () => {
      client.socket.io.engine.on('packet', (/** @type {any} */ packet) => bytes.push(String(packet.data ?? '')));
    });
    await connected(client);
    const headers = { authorization: `Bearer ${user.token}` };
    const get = async (/** @type {string} */ path) => {
      const { text } = await request(`${stack.gateways[0]?.url}${path}`, { headers });
      bytes.push(text);
    };
    const other = await sitter(stack, examId);
    await ok(client, 'join-exam', { examId });
    await ok(other.client, 'exam-answer', { examId, questionIndex: 0, answer: Number(OTHERS_ANSWER) });
    await ok(client, 'exam-answer', { examId, questionIndex: 0, answer: 1 });
    await ok(client, 'exam-answer', { examId, questionIndex: 1, answer: 0 });
    await ok(client, 'exam-progress', { examId, currentQuestion: 1, timeRemaining: 1, answers: [1, 0] });
    await client.socket.emitWithAck('exam-monitor', { examId });
    await client.socket.emitWithAck('exam-answer', { examId, questionIndex: 9, answer: 0 });
    for (const path of ['', '/my-record', '/my-result', '/results', '/questions', '/key']) await get(`/api/exams/${examId}${path}`);
    await get('/api/exams');
    await ok(other.client, 'exam-complete', { examId });
    await settled(client);
    const received = bytes.join('\n');
    assert.ok(received.includes('exam-joined') && received.includes('Berapa?'), 'something was recorded');
    for (const secret of [...SECRETS, OTHERS_ANSWER]) assert.ok(!received.includes(secret), `"${secret}" was received`);
    await ok(client, 'exam-complete', { examId });
    const after = bytes.join('\n');
    assert.ok(after.includes('exam-completed') || after.includes('"result"'));
    for (const secret of ['PENJELASAN-RAHASIA', '731.625', OTHERS_ANSWER]) assert.ok(!after.includes(secret), `"${secret}" was received`);
  });
}

stack.check('those who wait for an exam to begin do not have its questions', async () => {
  const { id: examId } = await newExam(stack, mentor, { questions: questions() });
  const start = new Date(Date.now() + 3_600_000).toISOString();
  assert.equal((await api(stack, mentor, 'PUT', `/api/exams/${examId}/schedule`, { scheduledStart: start })).status, 200);
  const { user, joined } = await sitter(stack, examId);
  assert.ok(!JSON.stringify(joined).includes('Berapa?'));
  const read = await api(stack, user, 'GET', `/api/exams/${examId}`);
  assert.ok(!JSON.stringify(read.body).includes('Berapa?'));
});
