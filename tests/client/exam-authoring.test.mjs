/** Exams over HTTP: written, imported, published, scheduled, corrected. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { next, ok, request, startStack } from './harness.mjs';
import { api, newExam, sitter, single, singles } from './exam-helpers.mjs';

const stack = await startStack({ chats: [], exams: [{}] });
const mentor = stack.user({ role: 'MENTOR' });
const admin = stack.user({ role: 'PROGRAM_ADMIN' });
const student = stack.user();

/** @param {{ status: number, body: any }} answer @param {number} status @param {string} code */
function refused(answer, status, code) {
  assert.deepEqual([answer.status, answer.body?.error?.code], [status, code], JSON.stringify(answer.body));
  return answer.body.error;
}

stack.check('an author writes an exam, and students see it once it is published', async () => {
  const draft = await newExam(stack, mentor, { title: 'Aritmia', publish: false, questions: singles(2) });
  assert.deepEqual([draft.title, draft.status, draft.total_questions, draft.max_score], ['Aritmia', 'DRAFT', 2, 2]);
  const find = async (/** @type {any} */ who) => {
    const { body } = await api(stack, who, 'GET', '/api/exams?limit=100');
    return body.exams.find((/** @type {any} */ exam) => exam.id === draft.id);
  };
  assert.equal(await find(student), undefined);
  refused(await api(stack, student, 'GET', `/api/exams/${draft.id}`), 404, 'exam/not-found');
  assert.equal((await find(admin)).status, 'DRAFT');
  assert.equal((await api(stack, admin, 'POST', `/api/exams/${draft.id}/publish`)).body.status, 'PUBLISHED');
  assert.equal((await find(student)).title, 'Aritmia');
  const { body: seen } = await api(stack, student, 'GET', `/api/exams/${draft.id}`);
  assert.equal(seen.questions, undefined);
  const { body: whole } = await api(stack, mentor, 'GET', `/api/exams/${draft.id}`);
  assert.deepEqual(whole.questions[1].key, { kind: 'single-choice', correct: 1 });
  refused(await api(stack, mentor, 'PUT', `/api/exams/${draft.id}/questions`, singles(1)), 409, 'exam/not-a-draft');
});

stack.check('a draft is its authors\': nobody else sees or changes it, and they say who is one', async () => {
  const other = stack.user({ role: 'MENTOR' });
  const draft = await newExam(stack, mentor, { publish: false, questions: singles(1) });
  const at = `/api/exams/${draft.id}`;
  const authors = (/** @type {any} */ by, /** @type {string[]} */ coAuthors) => api(stack, by, 'PUT', `${at}/authors`, { coAuthors });
  const lists = async (/** @type {any} */ who) => (await api(stack, who, 'GET', '/api/exams?limit=100')).body.exams.some((/** @type {any} */ exam) => exam.id === draft.id);
  assert.deepEqual([draft.author, draft.co_authors], [mentor.id, []]);
  assert.deepEqual([await lists(mentor), await lists(admin), await lists(other), await lists(student)], [true, true, false, false]);
  for (const answer of [
    await api(stack, other, 'GET', at), await api(stack, other, 'PUT', `${at}/questions`, singles(2)), await api(stack, other, 'POST', `${at}/publish`),
    await api(stack, other, 'PUT', `${at}/schedule`, { scheduledStart: '2027-01-01T00:00:00Z' }), await authors(other, [other.id]),
  ]) refused(answer, 404, 'exam/not-found');
  assert.deepEqual((await authors(mentor, [other.id])).body.co_authors, [other.id]);
  assert.equal(await lists(other), true);
  assert.equal((await api(stack, other, 'PUT', `${at}/questions`, singles(2))).body.total_questions, 2);
  refused(await authors(other, []), 403, 'auth/forbidden');
  refused(await authors(mentor, Array.from({ length: 21 }, () => randomUUID())), 400, 'request/invalid-payload');
  // Once it is published, everybody sees it, and still none but its authors change it.
  assert.deepEqual((await authors(admin, [])).body.co_authors, []);
  assert.equal((await api(stack, mentor, 'POST', `${at}/publish`)).status, 200);
  assert.equal((await api(stack, other, 'GET', at)).body.questions.length, 2);
  for (const [method, path, body] of /** @type {[string, string, object?][]} */ ([
    ['PUT', '/schedule', { scheduledStart: '2027-01-01T00:00:00Z' }], ['POST', '/publish'], ['PUT', '/authors', { coAuthors: [] }],
    ['POST', '/regrade', { corrections: [{ questionIndex: 0, key: { kind: 'single-choice', correct: 1 } }] }],
  ])) refused(await api(stack, other, method, at + path, body), 403, 'auth/forbidden');
});

stack.check('exams are listed in pages, newest first, and by specialty', async () => {
  const specialty = `Spesialis ${randomUUID()}`;
  const ids = [];
  for (let n = 0; n < 5; n += 1) ids.unshift((await newExam(stack, mentor, { specialty })).id);
  const path = `/api/exams?specialty=${encodeURIComponent(specialty)}&limit=2`;
  const listed = [];
  for (let before = '', more = true; more;) {
    const { body } = await api(stack, student, 'GET', path + before);
    listed.push(...body.exams.map((/** @type {any} */ exam) => exam.id));
    more = body.hasMore;
    before = `&before=${listed.at(-1)}`;
  }
  assert.deepEqual(listed, ids);
  refused(await api(stack, student, 'GET', '/api/exams?limit=0'), 400, 'request/invalid-payload');
  refused(await api(stack, student, 'GET', '/api/exams?limit=many'), 400, 'request/invalid-payload');
});

stack.check('what is refused says why', async () => {
  const draft = await newExam(stack, mentor, { publish: false, questions: [] });
  const exam = { title: 'T', specialty: 'S', durationMinutes: 10 };
  const questions = `/api/exams/${draft.id}/questions`;
  refused(await api(stack, null, 'GET', '/api/exams'), 401, 'auth/no-token');
  refused(await api(stack, { ...student, token: 'nonsense' }, 'GET', '/api/exams'), 401, 'auth/invalid-token');
  refused(await api(stack, student, 'POST', '/api/exams', exam), 403, 'auth/forbidden');
  refused(await api(stack, student, 'PUT', questions, []), 403, 'auth/forbidden');
  refused(await api(stack, student, 'POST', `/api/exams/${draft.id}/publish`), 403, 'auth/forbidden');
  refused(await api(stack, student, 'GET', `/api/exams/${draft.id}/results`), 403, 'auth/forbidden');
  refused(await api(stack, mentor, 'GET', `/api/exams/${randomUUID()}`), 404, 'exam/not-found');
  refused(await api(stack, mentor, 'GET', '/api/exams/exam-123'), 404, 'exam/not-found');
  refused(await api(stack, mentor, 'DELETE', `/api/exams/${draft.id}`), 404, 'http/not-found');
  refused(await api(stack, mentor, 'POST', `/api/exams/${draft.id}/publish`), 409, 'exam/no-questions');
  refused(await api(stack, mentor, 'POST', `/api/exams/${draft.id}/regrade`, { corrections: [] }), 409, 'exam/not-published');
  for (const [body, field] of /** @type {[object, string][]} */ ([
    [{ ...exam, title: undefined }, 'title'],
    [{ ...exam, title: '' }, 'title'],
    [{ ...exam, durationMinutes: 0 }, 'durationMinutes'],
    [{ ...exam, negativeMarkingPercent: 101 }, 'negativeMarkingPercent'],
    [{ ...exam, questions: [{ ...single(0), points: 0.333 }] }, 'questions[0].points'],
    [{ ...exam, questions: [{ ...single(0), colour: 'red' }] }, 'questions[0].colour'],
  ])) {
    const error = refused(await api(stack, mentor, 'POST', '/api/exams', body), 400, 'request/invalid-payload');
    assert.equal(error.field, field);
  }
  refused(await api(stack, mentor, 'POST', '/api/exams', '{"title":', 'application/json'), 400, 'request/invalid-payload');
  refused(await api(stack, mentor, 'POST', '/api/exams', 'title=T', 'application/x-www-form-urlencoded'), 415, 'http/unsupported-media-type');
  refused(await api(stack, mentor, 'PUT', questions, 'x'.repeat(3_000_000), 'text/csv'), 413, 'request/too-large');
  const faulty = refused(await api(stack, mentor, 'PUT', questions, [single(0), single(7), { ...single(0), options: ['a'] }]), 422, 'exam/invalid-questions');
  assert.deepEqual(faulty.faults.map((/** @type {any} */ fault) => fault.line), [2, 3]);
});

stack.check('questions come from the files that authors have', async () => {
  const draft = await newExam(stack, mentor, { publish: false, questions: [] });
  const path = `/api/exams/${draft.id}/questions`;
  const gift = `// Kardiologi\n::Irama:: Apa irama ini? {=Fibrilasi atrium ~Takikardia ventrikel ~Irama sinus}\n\nSinus itu normal {T}\n`;
  const imported = await api(stack, mentor, 'PUT', path, gift, 'text/x-gift');
  assert.equal(imported.status, 200, JSON.stringify(imported.body));
  assert.deepEqual(imported.body.questions.map((/** @type {any} */ one) => one.key.kind), ['single-choice', 'true-false']);
  const csv = 'kind,text,option_a,option_b,correct,points\nsingle-choice,"Pilih, yang benar",ya,tidak,B,2\nsingle-choice,Lagi,ya,tidak,A,1\n';
  const replaced = await api(stack, mentor, 'PUT', path, csv, 'text/csv; charset=utf-8');
  assert.equal(replaced.status, 200, JSON.stringify(replaced.body));
  assert.deepEqual([replaced.body.total_questions, replaced.body.max_score, replaced.body.questions[0].text], [2, 3, 'Pilih, yang benar']);
  const bad = 'kind,text,option_a,option_b,correct\nsingle-choice,Satu,ya,tidak,Z\nsingle-choice,Dua,ya,tidak,A\nessay,Tiga,ya,tidak,A\n';
  const error = refused(await api(stack, mentor, 'PUT', path, bad, 'text/csv'), 422, 'exam/invalid-questions');
  assert.deepEqual(error.faults.map((/** @type {any} */ fault) => fault.line), [2, 4]);
  const { body: after } = await api(stack, mentor, 'GET', `/api/exams/${draft.id}`);
  assert.equal(after.total_questions, 2, 'a bad file changes nothing');
});

stack.check('a schedule can be made and moved, until somebody has begun', async () => {
  const { id } = await newExam(stack, mentor);
  const path = `/api/exams/${id}/schedule`;
  const at = (/** @type {number} */ seconds) => new Date(Date.now() + seconds * 1_000).toISOString();
  refused(await api(stack, mentor, 'PUT', path, { scheduledStart: at(-1) }), 409, 'exam/invalid-schedule');
  refused(await api(stack, mentor, 'PUT', path, { scheduledStart: at(60), scheduledEnd: at(30) }), 409, 'exam/invalid-schedule');
  refused(await api(stack, mentor, 'PUT', path, { scheduledStart: 'tomorrow' }), 400, 'request/invalid-payload');
  const start = at(60);
  const { body } = await api(stack, mentor, 'PUT', path, { scheduledStart: start });
  assert.deepEqual([body.scheduled_start, Date.parse(body.scheduled_end) - Date.parse(start)], [start, 30 * 60_000]);
  const { client } = await sitter(stack, id);
  const moved = at(120);
  assert.equal((await api(stack, mentor, 'PUT', path, { scheduledStart: moved })).status, 200);
  assert.equal((await ok(client, 'join-exam', { examId: id })).session.started_at, moved, 'those who wait wait for the new moment');
  const running = await newExam(stack, mentor);
  await sitter(stack, running.id);
  refused(await api(stack, mentor, 'PUT', `/api/exams/${running.id}/schedule`, { scheduledStart: at(60) }), 409, 'exam/invalid-schedule');
});

stack.check('a corrected key changes results, and says whose', async () => {
  const exam = await newExam(stack, mentor, { questions: [single(0), single(1)] });
  const sheets = [[0, 1], [2, 1], [0, 0]];
  const students = [];
  for (const sheet of sheets) {
    const { user, client } = await sitter(stack, exam.id);
    for (const [questionIndex, answer] of sheet.entries()) await ok(client, 'exam-answer', { examId: exam.id, questionIndex, answer });
    await ok(client, 'exam-complete', { examId: exam.id });
    await next(client, 'exam-completed');
    students.push({ user, client });
  }
  const path = `/api/exams/${exam.id}/regrade`;
  const corrections = [{ questionIndex: 0, key: { kind: 'single-choice', correct: 2 } }];
  refused(await api(stack, student, 'POST', path, { corrections }), 403, 'auth/forbidden');
  refused(await api(stack, mentor, 'POST', path, { corrections: [{ questionIndex: 5, key: { kind: 'single-choice', correct: 2 } }] }), 422, 'exam/invalid-question');
  refused(await api(stack, mentor, 'POST', path, { corrections: [{ questionIndex: 0, key: { kind: 'true-false', correct: true } }] }), 400, 'request/invalid-payload');
  const { status, body } = await api(stack, mentor, 'POST', path, { corrections });
  assert.equal(status, 200, JSON.stringify(body));
  assert.deepEqual([body.keyVersion, body.unchanged], [2, 0]);
  const changes = new Map(body.changed.map((/** @type {any} */ one) => [one.userId, [one.before, one.after]]));
  assert.deepEqual(students.map(({ user }) => changes.get(user.id)), [[2, 1], [1, 2], [1, 0]]);
  for (const [n, { client }] of students.entries()) {
    const event = await next(client, 'exam-completed');
    assert.deepEqual([event.reason, event.result.score, event.result.key_version], ['regraded', [1, 2, 0][n], 2]);
  }
  const { body: listed } = await api(stack, admin, 'GET', `/api/exams/${exam.id}/results`);
  assert.deepEqual(listed.results.map((/** @type {any} */ row) => row.score), [2, 1, 0]);
});

stack.check('the routes describe themselves', async () => {
  const { status, text } = await request(`${stack.gateways[0]?.url}/api/openapi.json`);
  const document = JSON.parse(text);
  assert.equal(status, 200);
  const paths = Object.keys(document.paths).filter((path) => path.startsWith('/api/exams'));
  assert.deepEqual(paths.sort(), [
    '/api/exams', '/api/exams/{id}', '/api/exams/{id}/authors', '/api/exams/{id}/my-record', '/api/exams/{id}/my-result', '/api/exams/{id}/publish',
    '/api/exams/{id}/questions', '/api/exams/{id}/regrade', '/api/exams/{id}/results', '/api/exams/{id}/schedule',
  ]);
  assert.ok(document.components.securitySchemes.bearer);
});
