/** Exams over HTTP: written, imported, published, scheduled, corrected. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { PARSER, next, ok, request, startStack } from './harness.mjs';
import { api, newExam, sitter, single, singles } from './exam-helpers.mjs';

const stack = await startStack({ chats: [], exams: [{}] });
const mentor = stack.user({ role: 'MENTOR' });
const admin = stack.user({ role: 'PROGRAM_ADMIN' });
const student = stack.user();

/** @param {{ status: number, body: any }} answer @param {number} status @param {string} code */
function refused(answer, status, code) {
  assert.deepEqual([answer.status, answer.body?.error?.code], [status, code], JSON.stringify(answer.body));
  assert.doesNotMatch(answer.body.error.message, PARSER);
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
  refused(await api(stack, mentor, 'DELETE', `/api/exams/${draft.id}`), 405, 'http/method-not-allowed');
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

stack.check('what spreadsheets write is taken, and a word that may be two things is refused by its line', async () => {
  const draft = await newExam(stack, mentor, { publish: false, questions: [] });
  const path = `/api/exams/${draft.id}/questions`;
  const put = (/** @type {string | object} */ body, type = 'Text/CSV; Charset=UTF-8') => api(stack, mentor, 'PUT', path, body, type);
  const sheet = 'sep=;\r\nkind;text;correct;option_a;option_b;;\r\ntrue-false;x;B;Ya;Tidak;;\r\ntrue-false;y;B;Salah;Benar\r\ntrue-false;z;benar\r\n;w;A;a;b;;;;\r\n';
  const { status, body } = await put(sheet);
  assert.equal(status, 200, JSON.stringify(body));
  const right = body.questions.map((/** @type {any} */ one) => one.options[one.key.kind === 'true-false' ? Number(!one.key.correct) : one.key.correct]);
  assert.deepEqual(right, ['Tidak', 'Benar', 'True', 'a']);
  const faults = async (/** @type {any} */ body, /** @type {string} */ type, /** @type {[number, RegExp][]} */ expected) => {
    const error = refused(await put(body, type), 422, 'exam/invalid-questions');
    assert.deepEqual(error.faults.map((/** @type {any} */ fault) => fault.line), expected.map(([line]) => line), JSON.stringify(error.faults));
    for (const [n, [, reason]] of expected.entries()) assert.match(error.faults[n].reason, reason);
  };
  await faults('kind,text,correct,option_a,option_b\ntrue-false,x,benar,Salah,Benar\n,x,A,O,A\n,x,A,a,b,c\n', 'text/csv', [[2, /by its letter/], [3, /write `option_a` or `option_b`/], [4, /6 columns/]]);
  const turned = (/** @type {string[]} */ options, correct = true) => ({ text: 'x', options, key: { kind: 'true-false', correct } });
  await faults([turned(['True', 'False']), turned(['False', 'True']), turned(['Salah', 'Benar'], false)], 'Application/JSON', [[2, /first of its options/], [3, /first of its options/]]);
  await faults('Satu {TRUE}\n::Dua:: tanpa baris kosong\n\nTiga {T}\n', 'TEXT/X-GIFT', [[1, /a title begins in it/]]);
  await faults('Satu {T}\rDua {F}\r', 'text/x-gift', [[1, /CR alone/]]);
  const gift = await put('$CATEGORY: $course$/Gejala/mual//muntah\nx {T}\n', 'text/x-gift');
  assert.equal(gift.body.questions?.[0].category, 'mual/muntah', JSON.stringify(gift.body));
  assert.match(refused(await put('text,correct\nx\0,A\n', 'text/csv'), 400, 'request/invalid-payload').message, /U\+0000.*line 2/);
});

// The controls: `expected u16 at line 1 column 189` stood there; `5.0` was refused.
stack.check('whole numbers may be written with a fraction of nothing, and what is refused is said in our words', async () => {
  const exam = (/** @type {string} */ minutes, correct = '1.0') => `{"title":"5.0","specialty":"S","durationMinutes":${minutes},"negativeMarkingPercent":0.0,"questions":[` +
    `{"text":"x","options":["a","b"],"key":{"kind":"single-choice","correct":${correct}},"points":2.0},{"text":"y","options":["a","b"],"key":{"kind":"several-correct","correct":[0.0,1.0]}}]}`;
  const post = (/** @type {string} */ body) => api(stack, mentor, 'POST', '/api/exams', body, 'application/json');
  const { status, body } = await post(exam('60.0'));
  assert.equal(status, 201, JSON.stringify(body));
  assert.deepEqual([body.title, body.duration_minutes, body.questions[0].key.correct, body.questions[1].key.correct], ['5.0', 60, 1, [0, 1]]);
  for (const [text, field] of /** @type {[string, string | undefined][]} */ ([
    [exam('60.5'), 'durationMinutes'], [exam('1e300'), 'durationMinutes'], [exam('"60"'), 'durationMinutes'], [exam('60', '1.5'), 'questions[0].key'], [exam('60', 'true'), 'questions[0].key'],
    [exam('60').replace('"kind":"single-choice",', ''), 'questions[0].key.kind'], [exam('60').replace('"title":"5.0"', '"title":"5.0","title":"6"'), 'title'], ['[]', undefined], ['{"title":', undefined], ['', undefined],
  ])) assert.equal(refused(await post(text), 400, 'request/invalid-payload').field, field, text);
  assert.equal((await api(stack, student, 'GET', '/api/exams?limit=5.0')).status, 200);
  const published = await newExam(stack, mentor, { questions: [single(1), { text: 'y', options: ['a', 'b'], key: { kind: 'several-correct', correct: [0, 1] } }] });
  const { client } = await sitter(stack, published.id);
  for (const [index, answer, saved] of /** @type {[string, string, any][]} */ ([['0.0', '1.0', 1], ['1', '[0.0,1]', [0, 1]], ['1e0', '[1.0]', [1]]])) {
    client.socket.io.engine.send(`2["exam-answer",{"examId":"${published.id}","questionIndex":${index},"answer":${answer}}]`);
    const event = await next(client, 'exam-answer-saved');
    assert.deepEqual([event.questionIndex, event.answer], [Number(index), saved]);
  }
});

// The control: with `specialty` as text without bounds, `?specialty=%00` is a 500.
stack.check('U+0000 is refused wherever it is sent, and never a fault of ours', async () => {
  const { text } = await request(`${stack.gateways[0]?.url}/api/openapi.json`);
  const { paths, components } = JSON.parse(text);
  const schema = (/** @type {any} */ one) => (one?.$ref ? components.schemas[one.$ref.split('/').at(-1)] : one);
  const draft = await newExam(stack, mentor, { publish: false, questions: [] });
  let asked = 0;
  const bad = async (/** @type {string} */ method, /** @type {string} */ path, /** @type {any} */ body = undefined) => {
    const answer = await api(stack, admin, method, path, body);
    asked += 1;
    assert.ok(answer.status >= 400 && answer.status < 500, `${method} ${path} ${JSON.stringify(body)}: ${answer.status} ${JSON.stringify(answer.body)}`);
    if (answer.body?.error) assert.doesNotMatch(answer.body.error.message, PARSER, `${method} ${path} ${JSON.stringify(body)}`);
  };
  for (const [path, operations] of /** @type {[string, any][]} */ (Object.entries(paths))) {
    const at = path.replace(/\{[^}]+\}/g, path.startsWith('/api/exams') ? draft.id : admin.id);
    for (const [method, operation] of Object.entries(operations)) {
      if (path.includes('{')) await bad(method.toUpperCase(), path.replace(/\{[^}]+\}/g, 'a%00b'), method === 'get' ? undefined : {});
      for (const parameter of operation.parameters ?? []) {
        if (parameter.in === 'query' && path !== '/api/files') await bad(method.toUpperCase(), `${at}?${parameter.name}=a%00b`);
      }
      const properties = schema(operation.requestBody?.content?.['application/json']?.schema)?.properties ?? {};
      for (const name of Object.keys(properties)) await bad(method.toUpperCase(), at, { [name]: 'a\u0000b' });
    }
  }
  assert.ok(asked > 20, `${asked}`);
  const exam = { title: 'T', specialty: 'S', durationMinutes: 10 };
  for (const body of [{ ...exam, title: 'a\u0000b' }, { ...exam, specialty: '\u0000' }, { ...exam, description: '\u0000' }]) refused(await api(stack, mentor, 'POST', '/api/exams', body), 400, 'request/invalid-payload');
  for (const more of [{ text: '\u0000x' }, { options: ['a', '\u0000b'] }, { category: '\u0000' }, { explanation: 'a\u0000' }]) {
    const faulty = refused(await api(stack, mentor, 'PUT', `/api/exams/${draft.id}/questions`, [{ ...single(0), ...more }]), 422, 'exam/invalid-questions');
    assert.match(faulty.faults[0].reason, /U\+0000/);
  }
  for (const path of ['/%00', '/assets/%00.js', '/api/%00']) assert.equal((await request(`${stack.gateways[0]?.url}${path}`)).status, 404, path);
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
