/** Exams through real sockets: sitting one, watching one, and everything that is refused. */
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';

import { all, next, ok, refusal, settled, startStack } from './harness.mjs';
import { api, newExam, sitter, single, singles, told } from './exam-helpers.mjs';

const stack = await startStack({
  gateways: [{}, {}],
  exams: [{}, {}],
  env: { SINAESTA__EXAMS__GATEWAY_SILENCE_MS: '4000' },
});
const [, otherGateway] = stack.gateways;
const mentor = stack.user({ role: 'MENTOR' });

const mixed = () => [
  single(1, { category: 'Irama' }),
  { text: 'Which of these?', options: ['a', 'b', 'c', 'd'], key: { kind: 'several-correct', correct: [0, 2] }, points: 2 },
  { text: 'How much?', key: { kind: 'numeric', value: 12.5, tolerance: 0.5 } },
  { text: 'Is it so?', key: { kind: 'true-false', correct: true } },
];

stack.check('a client written against the document sits an exam', async () => {
  const { id: examId } = await newExam(stack, mentor, { questions: singles(4) });
  const client = await stack.connect({ token: stack.user().token, transports: ['websocket'] });
  client.socket.emit('join-exam', { examId });
  const joined = await next(client, 'exam-joined');
  assert.equal(joined.examId, examId);
  assert.equal(joined.participantCount, 1);
  assert.equal(joined.exam.questions.length, 4);
  assert.equal(joined.session.status, 'IN_PROGRESS');
  // As `newAnswers[currentQuestion] = answer` leaves it: with holes.
  const answers = [];
  answers[2] = 2;
  client.socket.emit('exam-progress', { examId, currentQuestion: 2, timeRemaining: 3_600, answers });
  const progress = await next(client, 'exam-progress-saved');
  assert.deepEqual(Object.keys(progress).sort(), ['currentQuestion', 'examId', 'timeRemaining', 'timestamp']);
  assert.ok(progress.timeRemaining <= 1_800);
  client.socket.emit('exam-answer', { examId, questionIndex: 0, answer: 0 });
  const saved = await next(client, 'exam-answer-saved');
  assert.deepEqual({ ...saved, timestamp: 0 }, { examId, questionIndex: 0, answer: 0, timestamp: 0 });
  client.socket.emit('exam-complete', { examId });
  const { result } = await next(client, 'exam-completed');
  assert.deepEqual(result.answers, [0, null, 2, null]);
  assert.equal(result.score, 2);
  assert.equal(result.percentage, 50);
  client.socket.emit('leave-exam', { examId });
  assert.deepEqual(await next(client, 'exam-left'), { examId });
});

stack.check('another device resumes with everything as it was', async () => {
  const { id: examId } = await newExam(stack, mentor, { questions: mixed() });
  const { user, client, joined } = await sitter(stack, examId);
  await ok(client, 'exam-answer', { examId, questionIndex: 1, answer: [2, 0] });
  await ok(client, 'exam-answer', { examId, questionIndex: 2, answer: 12.25 });
  await ok(client, 'exam-answer', { examId, questionIndex: 0, answer: 3 });
  await ok(client, 'exam-answer', { examId, questionIndex: 0, answer: null });
  await ok(client, 'exam-progress', { examId, currentQuestion: 2, timeRemaining: 5, answers: [] });
  client.close();
  const other = await sitter(stack, examId, { user, port: otherGateway?.port, transports: ['polling'] });
  assert.equal(other.joined.session.id, joined.session.id);
  assert.deepEqual(other.joined.session.answers, [null, [0, 2], 12.25, null]);
  assert.equal(other.joined.session.current_question, 2);
  assert.equal(other.joined.session.ends_at, joined.session.ends_at);
  const { result } = await ok(other.client, 'exam-complete', { examId });
  assert.equal(result.score, 3);
  const again = await ok(other.client, 'join-exam', { examId });
  assert.equal(again.session.status, 'COMPLETED');
  assert.deepEqual(again.result, result);
});

stack.check('a result can be verified against the record', async () => {
  const { id: examId } = await newExam(stack, mentor, { questions: mixed() });
  const { user, client } = await sitter(stack, examId);
  for (const [questionIndex, answer] of [[0, 1], [1, [3, 1]], [0, null], [2, 1e-7], [3, 0]]) {
    await ok(client, 'exam-answer', { examId, questionIndex, answer });
  }
  await ok(client, 'exam-progress', { examId, currentQuestion: 1, timeRemaining: 1, answers: [2] });
  const { result } = await ok(client, 'exam-complete', { examId });
  const { status, body: record } = await api(stack, user, 'GET', `/api/exams/${examId}/my-record`);
  assert.equal(status, 200);
  const sha256 = (/** @type {string} */ text) => createHash('sha256').update(text).digest('hex');
  let head = sha256(`sinaesta-exam-record-v1|${record.sessionId}`);
  assert.equal(record.genesis, head);
  for (const { number, questionIndex, answer, source, givenAt, hash } of record.entries) {
    head = sha256(`${head}\n${number}|${questionIndex}|${JSON.stringify(answer)}|${source}|${givenAt}`);
    assert.equal(hash, head, `entry ${number}`);
  }
  assert.equal(record.head, head);
  assert.equal(result.record_head, head);
  // The autosave's answer is not news: question 0 had it never, so it counts; the last of each question is what was graded.
  const last = [null, null, null, null];
  for (const { questionIndex, answer } of record.entries) last[questionIndex] = answer;
  assert.deepEqual(last, result.answers);
  const mine = await api(stack, user, 'GET', `/api/exams/${examId}/my-result`);
  assert.deepEqual(mine.body, result);
});

stack.check('who is in an exam is counted by people, over all gateways', async () => {
  const { id: examId } = await newExam(stack, mentor);
  const first = await sitter(stack, examId);
  assert.equal(first.joined.participantCount, 1);
  const second = await sitter(stack, examId, { port: otherGateway?.port });
  assert.equal(second.joined.participantCount, 2);
  const came = await next(first.client, 'participant-joined-exam');
  assert.deepEqual(came, { examId, userId: second.user.id, userName: second.user.name, participantCount: 2 });
  // Two more tabs of the same student, one of them elsewhere: nobody new.
  const tabs = [await sitter(stack, examId, { user: second.user }), await sitter(stack, examId, { user: second.user, port: otherGateway?.port })];
  for (const tab of tabs) assert.equal(tab.joined.participantCount, 2);
  second.client.close();
  tabs[0]?.client.close();
  const third = await sitter(stack, examId);
  assert.equal(third.joined.participantCount, 3);
  assert.equal((await next(first.client, 'participant-joined-exam')).userId, third.user.id);
  assert.equal(all(first.client, 'participant-left-exam').length, 0);
  tabs[1]?.client.close();
  const left = await next(first.client, 'participant-left-exam');
  assert.deepEqual(left, { examId, userId: second.user.id, userName: second.user.name, participantCount: 2 });
  await ok(third.client, 'leave-exam', { examId });
  assert.equal((await next(first.client, 'participant-left-exam')).participantCount, 1);
  await refusal(third.client, 'leave-exam', { examId }, 'exam/not-joined');
  const back = await sitter(stack, examId, { user: second.user });
  assert.equal(back.joined.participantCount, 2, 'their session went on');
  await ok(back.client, 'exam-complete', { examId });
  const completed = await next(first.client, 'participant-completed-exam');
  assert.deepEqual(completed, { examId, userId: second.user.id, userName: second.user.name, participantCount: 2 });
  assert.equal(all(first.client, 'exam-completed').length, 0, 'scores go to nobody else');
});

stack.check('a gateway that dies takes its students out of the exam', async () => {
  const { id: examId } = await newExam(stack, mentor);
  const doomed = await stack.addService('gateway');
  const here = await sitter(stack, examId);
  const there = await sitter(stack, examId, { port: doomed.port });
  await next(here.client, 'participant-joined-exam');
  await doomed.kill();
  const left = await next(here.client, 'participant-left-exam', () => true, 20_000);
  assert.deepEqual(left, { examId, userId: there.user.id, userName: there.user.name, participantCount: 1 });
});

stack.check('proctors see who is in, how far each is, and who is gone', async () => {
  const { id: examId } = await newExam(stack, mentor, { questions: singles(3) });
  const student = await sitter(stack, examId);
  const proctor = await stack.connect({ token: mentor.token, port: otherGateway?.port });
  const snapshot = await ok(proctor, 'exam-monitor', { examId });
  assert.deepEqual(await next(proctor, 'exam-monitor-snapshot'), (({ ok: _, ...rest }) => rest)(snapshot));
  assert.equal(snapshot.participantCount, 1);
  const [seen] = snapshot.participants;
  assert.deepEqual([seen.user_id, seen.user_name, seen.status, seen.is_connected, seen.answered_count, seen.score],
    [student.user.id, student.user.name, 'IN_PROGRESS', true, 0, null]);
  const update = (/** @type {(row: any) => unknown} */ fits) =>
    next(proctor, 'exam-monitor-update', (payload) => payload.participants.some((/** @type {any} */ row) => row.user_id === student.user.id && fits(row)));
  await ok(student.client, 'exam-answer', { examId, questionIndex: 0, answer: 0 });
  await update((row) => row.answered_count === 1);
  await ok(student.client, 'exam-progress', { examId, currentQuestion: 2, timeRemaining: 1, answers: [0, 1] });
  await update((row) => row.answered_count === 2 && row.current_question === 2);
  student.client.close();
  await update((row) => !row.is_connected);
  const back = await sitter(stack, examId, { user: student.user });
  await update((row) => row.is_connected);
  await ok(back.client, 'exam-complete', { examId });
  await update((row) => row.status === 'COMPLETED' && row.score === 2);
  await ok(proctor, 'leave-exam', { examId });
  const updates = all(proctor, 'exam-monitor-update').length;
  await sitter(stack, examId);
  await settled(proctor);
  assert.equal(all(proctor, 'exam-monitor-update').length, updates);
});

stack.check('a proctor gives time, to one or to all, and stops the clock', async () => {
  const { id: examId } = await newExam(stack, mentor);
  const [one, other] = [await sitter(stack, examId), await sitter(stack, examId, { port: otherGateway?.port })];
  const proctor = await stack.connect({ token: mentor.token });
  const later = (/** @type {string} */ from, /** @type {number} */ minutes) => new Date(Date.parse(from) + minutes * 60_000).toISOString();
  assert.equal((await ok(proctor, 'exam-extend', { examId, userId: one.user.id, minutes: 5 })).sessions, 1);
  const extended = await next(one.client, 'exam-time-extended');
  assert.equal(extended.endsAt, later(one.joined.session.ends_at, 5));
  assert.equal((await ok(proctor, 'exam-extend', { examId, minutes: 10 })).sessions, 2);
  assert.equal((await next(one.client, 'exam-time-extended')).endsAt, later(one.joined.session.ends_at, 15));
  assert.equal((await next(other.client, 'exam-time-extended')).endsAt, later(other.joined.session.ends_at, 10));
  assert.equal((await ok(proctor, 'exam-pause', { examId, userId: one.user.id })).sessions, 1);
  const paused = await next(one.client, 'exam-paused');
  assert.ok(paused.timeRemaining > 2_690 && paused.timeRemaining <= 2_700, `got ${paused.timeRemaining}`);
  await refusal(one.client, 'exam-answer', { examId, questionIndex: 0, answer: 0 }, 'exam/paused');
  await refusal(one.client, 'exam-complete', { examId }, 'exam/paused');
  await ok(other.client, 'exam-answer', { examId, questionIndex: 0, answer: 0 });
  assert.equal((await ok(one.client, 'join-exam', { examId })).session.status, 'PAUSED');
  assert.equal((await ok(proctor, 'exam-pause', { examId })).sessions, 1, 'the other one only');
  assert.equal((await ok(proctor, 'exam-resume', { examId })).sessions, 2);
  const resumed = await next(one.client, 'exam-resumed');
  assert.ok(resumed.endsAt > later(one.joined.session.ends_at, 15));
  await ok(one.client, 'exam-answer', { examId, questionIndex: 0, answer: 0 });
  await ok(other.client, 'exam-complete', { examId });
  await refusal(proctor, 'exam-extend', { examId, userId: other.user.id, minutes: 5 }, 'exam/completed');
  await refusal(proctor, 'exam-extend', { examId, userId: stack.user().id, minutes: 5 }, 'exam/no-session');
});

stack.check('the room of an exam is open to those who sit it', async () => {
  const { id: examId } = await newExam(stack, mentor);
  const { client, joined } = await sitter(stack, examId);
  assert.equal(joined.session.room_id, `exam:${examId}`);
  await ok(client, 'join-room', { roomId: joined.session.room_id });
  await ok(client, 'send-message', { roomId: joined.session.room_id, message: 'Soal 3 tidak terbaca' });
  const stranger = await stack.connect({ token: stack.user().token });
  await refusal(stranger, 'join-room', { roomId: joined.session.room_id }, 'chat/room-forbidden');
  const proctor = await stack.connect({ token: mentor.token });
  const room = await ok(proctor, 'join-room', { roomId: joined.session.room_id });
  assert.equal(room.messages.at(-1).message, 'Soal 3 tidak terbaca');
});

stack.check('every bad input has its code and changes nothing', async () => {
  const { id: examId } = await newExam(stack, mentor, { questions: mixed() });
  const draft = await newExam(stack, mentor, { publish: false });
  const { client } = await sitter(stack, examId);
  const proctor = await stack.connect({ token: mentor.token });
  const nowhere = randomUUID();
  const INVALID = 'request/invalid-payload';
  /** @type {[import('./harness.mjs').Client, string, unknown, string, string?][]} */
  const cases = [
    [client, 'join-exam', {}, INVALID, 'examId'],
    [client, 'join-exam', { examId: 'exam-123' }, INVALID, 'examId'],
    [client, 'join-exam', { examId: 7 }, INVALID, 'examId'],
    [client, 'join-exam', null, INVALID],
    [client, 'join-exam', { examId: nowhere }, 'exam/not-found'],
    [client, 'join-exam', { examId: draft.id }, 'exam/not-found'],
    [proctor, 'join-exam', { examId }, 'exam/students-only'],
    [client, 'leave-exam', {}, INVALID, 'examId'],
    [client, 'leave-exam', { examId: nowhere }, 'exam/not-joined'],
    [client, 'exam-answer', { examId, answer: 1 }, INVALID, 'questionIndex'],
    [client, 'exam-answer', { examId, questionIndex: 0 }, INVALID, 'answer'],
    [client, 'exam-answer', { examId, questionIndex: -1, answer: 0 }, INVALID, 'questionIndex'],
    [client, 'exam-answer', { examId, questionIndex: 0.5, answer: 0 }, INVALID, 'questionIndex'],
    [client, 'exam-answer', { examId, questionIndex: 'a', answer: 0 }, INVALID, 'questionIndex'],
    [client, 'exam-answer', { examId, questionIndex: 4, answer: 0 }, 'exam/invalid-question', 'questionIndex'],
    [client, 'exam-answer', { examId, questionIndex: 0, answer: 'a' }, INVALID, 'answer'],
    [client, 'exam-answer', { examId, questionIndex: 0, answer: {} }, INVALID, 'answer'],
    [client, 'exam-answer', { examId, questionIndex: 0, answer: 5 }, 'exam/invalid-answer', 'answer'],
    [client, 'exam-answer', { examId, questionIndex: 0, answer: -1 }, 'exam/invalid-answer', 'answer'],
    [client, 'exam-answer', { examId, questionIndex: 0, answer: [0] }, 'exam/invalid-answer', 'answer'],
    [client, 'exam-answer', { examId, questionIndex: 1, answer: [0, 0] }, 'exam/invalid-answer', 'answer'],
    [client, 'exam-answer', { examId, questionIndex: 1, answer: [] }, 'exam/invalid-answer', 'answer'],
    [client, 'exam-answer', { examId, questionIndex: 1, answer: [9] }, 'exam/invalid-answer', 'answer'],
    [client, 'exam-answer', { examId, questionIndex: 2, answer: [1] }, 'exam/invalid-answer', 'answer'],
    [client, 'exam-answer', { examId, questionIndex: 3, answer: 2 }, 'exam/invalid-answer', 'answer'],
    [client, 'exam-answer', { examId: nowhere, questionIndex: 0, answer: 0 }, 'exam/not-found'],
    [client, 'exam-progress', { examId }, INVALID, 'currentQuestion'],
    [client, 'exam-progress', { examId, currentQuestion: 4, answers: [] }, 'exam/invalid-question', 'currentQuestion'],
    [client, 'exam-progress', { examId, currentQuestion: 0, timeRemaining: 'long', answers: [] }, INVALID, 'timeRemaining'],
    [client, 'exam-progress', { examId, currentQuestion: 0, answers: 'all' }, INVALID, 'answers'],
    [client, 'exam-progress', { examId, currentQuestion: 0, answers: [0, 'b'] }, INVALID, 'answers[1]'],
    [client, 'exam-progress', { examId, currentQuestion: 0, answers: [9] }, 'exam/invalid-answer', 'answers[0]'],
    [client, 'exam-progress', { examId, currentQuestion: 0, answers: [0, 0, 0, 0, 0] }, 'exam/invalid-answer', 'answers'],
    [client, 'exam-complete', {}, INVALID, 'examId'],
    [client, 'exam-complete', { examId: nowhere }, 'exam/not-found'],
    [client, 'exam-monitor', { examId }, 'auth/forbidden'],
    [client, 'exam-extend', { examId, minutes: 5 }, 'auth/forbidden'],
    [client, 'exam-pause', { examId }, 'auth/forbidden'],
    [client, 'exam-resume', { examId }, 'auth/forbidden'],
    [proctor, 'exam-monitor', { examId: nowhere }, 'exam/not-found'],
    [proctor, 'exam-extend', { examId }, INVALID, 'minutes'],
    [proctor, 'exam-extend', { examId, minutes: 0 }, INVALID, 'minutes'],
    [proctor, 'exam-extend', { examId, minutes: 601 }, INVALID, 'minutes'],
    [proctor, 'exam-extend', { examId, minutes: 1.5 }, INVALID, 'minutes'],
    [proctor, 'exam-extend', { examId: nowhere, minutes: 5 }, 'exam/not-found'],
    [proctor, 'exam-pause', { examId: nowhere }, 'exam/not-found'],
    [proctor, 'exam-pause', { examId, userId: 'somebody' }, INVALID, 'userId'],
  ];
  for (const [who, event, payload, code, field] of cases) {
    const error = await refusal(who, event, payload, code);
    if (field) assert.equal(error.field, field, `${event} ${JSON.stringify(payload)}: ${JSON.stringify(error)}`);
    // Without a callback the same failure is an event.
    who.socket.emit(event, payload);
    const told = await next(who, 'error', (each) => each.event === event);
    assert.equal(told.code, code);
  }
  const stranger = await stack.connect({ token: stack.user().token });
  for (const [event, payload] of /** @type {[string, object][]} */ ([
    ['exam-answer', { examId, questionIndex: 0, answer: 0 }],
    ['exam-progress', { examId, currentQuestion: 0, answers: [0] }],
    ['exam-complete', { examId }],
  ])) await refusal(stranger, event, payload, 'exam/not-joined');
  const { session } = await ok(client, 'join-exam', { examId });
  assert.deepEqual(session.answers, [null, null, null, null]);
  assert.equal(session.status, 'IN_PROGRESS');
});

stack.check('nothing changes an exam that is completed', async () => {
  const { id: examId } = await newExam(stack, mentor);
  const { user, client } = await sitter(stack, examId);
  await ok(client, 'exam-answer', { examId, questionIndex: 0, answer: 0 });
  await ok(client, 'exam-complete', { examId });
  await refusal(client, 'exam-answer', { examId, questionIndex: 1, answer: 1 }, 'exam/completed');
  await refusal(client, 'exam-progress', { examId, currentQuestion: 1, answers: [0, 1] }, 'exam/completed');
  const { body } = await api(stack, user, 'GET', `/api/exams/${examId}/my-result`);
  assert.equal(body.score, 1);
});

stack.check('one student can neither see nor change what another does', async () => {
  const { id: examId } = await newExam(stack, mentor);
  const [one, other] = [await sitter(stack, examId), await sitter(stack, examId)];
  await ok(one.client, 'exam-answer', { examId, questionIndex: 0, answer: 0 });
  await ok(other.client, 'exam-answer', { examId, questionIndex: 0, answer: 4, userId: one.user.id });
  await ok(other.client, 'exam-complete', { examId, userId: one.user.id });
  const { session } = await ok(one.client, 'join-exam', { examId });
  assert.deepEqual([session.answers[0], session.status], [0, 'IN_PROGRESS']);
  for (const path of ['results', 'my-result']) {
    const answer = await api(stack, one.user, 'GET', `/api/exams/${examId}/${path}`);
    assert.deepEqual([answer.status, answer.body.error.code], path === 'results' ? [403, 'auth/forbidden'] : [404, 'exam/no-result']);
  }
  assert.equal(told(one.client, examId).length, 0);
});
