/** Boards that move while you watch: after exams, across gateways, while replicas come and go. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import process from 'node:process';

import { connect as connectNats, headers as natsHeaders } from '@nats-io/transport-node';

import { all, emitAck, next, ok, refusal, settled, startStack, until } from './harness.mjs';
import { insist, newExam, sitter, singles } from './exam-helpers.mjs';

const stack = await startStack({ chats: [], gateways: [{}, {}], exams: [{}], boards: [{}, {}] });
const mentor = stack.user({ role: 'MENTOR' });
const [, otherGateway] = stack.gateways;

/** What a plain SQL ranking of the results says. @param {string} [specialty] */
async function ranked(specialty) {
  const rows = await stack.sql(
    `select r.user_id, (sum(r.score_hundredths) / 100.0)::float8 as total, count(*)::int as exams
       from exam_results r join exams e on e.id = r.exam_id where $1::text is null or e.specialty = $1
      group by r.user_id order by sum(r.score_hundredths) desc, count(*), max(r.completed_at), r.user_id`, [specialty ?? null]);
  return rows.map((row, n) => ({ rank: n + 1, user_id: row.user_id, total_score: row.total, exams_completed: row.exams }));
}

/** @param {any[]} entries */
const places = (entries) => entries.map(({ rank, user_id, total_score, exams_completed }) => ({ rank, user_id, total_score, exams_completed }));

/** Sits an exam to its end. @param {any} exam @param {number} right @param {import('./harness.mjs').User} [user] */
async function sit(exam, right, user = stack.user()) {
  const { client } = await sitter(stack, exam.id, { user });
  await Promise.all(exam.questions.map((/** @type {any} */ question, /** @type {number} */ questionIndex) =>
    ok(client, 'exam-answer', { examId: exam.id, questionIndex, answer: (question.key.correct + (questionIndex < right ? 0 : 1)) % 5 })));
  await ok(client, 'exam-complete', { examId: exam.id });
  client.close();
  return user;
}

stack.check('a graded exam shows on every board it touches within a second, and whoever watches is told', async () => {
  const specialty = `Spesialis ${randomUUID()}`;
  const exam = await newExam(stack, mentor, { specialty, questions: singles(5) });
  const user = stack.user({ name: 'Rizky' });
  const watcher = await stack.connect({ token: stack.user().token, port: otherGateway?.port });
  for (const period of ['weekly', 'monthly', 'all_time']) {
    const empty = await ok(watcher, 'leaderboard-request', { period, specialty });
    assert.deepEqual([empty.entries, empty.userRank, empty.period], [[], null, period]);
    await next(watcher, 'leaderboard-data');
  }
  await sit(exam, 4, user);
  const began = Date.now();
  for (const period of ['weekly', 'monthly', 'all_time']) {
    const updated = await next(watcher, 'leaderboard-updated', (payload) => payload.period === period && payload.specialty === specialty);
    assert.deepEqual(updated.entries, [{
      user_id: user.id, user_name: 'Rizky', user_avatar: null, specialty, total_score: 4, exams_completed: 1, average_score: 4,
      rank: 1, previous_rank: null, period,
    }]);
  }
  assert.ok(Date.now() - began < 1_500, `took ${Date.now() - began} ms`);
  const mine = await stack.connect({ token: user.token });
  const data = await ok(mine, 'leaderboard-request', { specialty, limit: 10 });
  assert.deepEqual([data.period, data.userRank.rank, data.userRank.total_score, data.userRank.participants], ['weekly', 1, 4, 1]);
});

stack.check('a board moves at most once a second, and each sees where they stand', async () => {
  const specialty = `Spesialis ${randomUUID()}`;
  const exams = await Promise.all([1, 2].map(() => newExam(stack, mentor, { specialty, questions: singles(5) })));
  const first = await sit(exams[0], 2);
  const watching = await stack.connect({ token: first.token });
  const outside = await stack.connect({ token: stack.user().token });
  const board = { period: 'all_time', specialty };
  await until(async () => (await ok(watching, 'leaderboard-request', { ...board, limit: 1 })).userRank?.rank === 1);
  await ok(outside, 'leaderboard-request', { ...board, limit: 4 });
  const others = await Promise.all([5, 4, 3].map((right) => sit(exams[0], right)));
  // Pushed down by three, though the top one entry is all that was asked for.
  const moved = await next(watching, 'leaderboard-rank-changed', (payload) => payload.userRank.rank === 4);
  assert.ok(moved.userRank.previous_rank >= 1 && moved.userRank.participants === 4);
  const top = await next(watching, 'leaderboard-updated', (payload) => payload.entries[0]?.user_id === others[0]?.id);
  assert.equal(top.entries.length, 1);
  // What changes next is compared with this: one's own place may be told before the board that it is on.
  await next(outside, 'leaderboard-updated', (payload) => payload.entries.length === 4);
  await sit(exams[1], 5, first);
  const risen = await next(watching, 'leaderboard-rank-changed', (payload) => payload.userRank.rank === 1);
  assert.deepEqual([risen.userRank.total_score, risen.userRank.average_score, risen.userRank.exams_completed], [7, 3.5, 2]);
  const four = await next(outside, 'leaderboard-updated', (payload) => payload.entries[0]?.total_score === 7);
  assert.deepEqual(four.entries.map((/** @type {any} */ entry) => [entry.user_id, entry.rank, entry.previous_rank]),
    [[first.id, 1, 4], ...others.map(({ id }, n) => [id, n + 2, n + 1])]);
  // The server's own clock: how long each update was on its way is not the board's.
  const times = all(outside, 'leaderboard-updated').map(({ timestamp }) => Date.parse(timestamp));
  times.slice(1).forEach((at, n) => assert.ok(at - (times[n] ?? 0) > 950, `two updates within ${at - (times[n] ?? 0)} ms`));
  await ok(outside, 'leaderboard-unsubscribe', board);
  const before = all(outside, 'leaderboard-updated').length;
  await sit(exams[1], 5, others[2]);
  await next(watching, 'leaderboard-updated', (payload) => payload.entries[0]?.total_score === 8);
  await settled(outside);
  assert.equal(all(outside, 'leaderboard-updated').length, before);
  // Who is not on the board has no place that could change; the other one heard of each place once.
  assert.deepEqual(all(outside, 'leaderboard-rank-changed'), []);
  const heard = all(watching, 'leaderboard-rank-changed').map(({ userRank }) => [userRank.rank, userRank.total_score].join());
  heard.slice(1).forEach((place, n) => assert.notEqual(place, heard[n]));
  await refusal(outside, 'leaderboard-unsubscribe', board, 'leaderboard/not-watched');
});

stack.check('whoever begins to watch a board while it changes hears of that, and so does who begins while the last one leaves', async () => {
  const pids = stack.boards.map(({ pid }) => pid ?? 0);
  /** While no replica answers. @param {() => Promise<void>} body */
  const frozen = async (body) => {
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    try {
      await body();
    } finally {
      for (const pid of pids) process.kill(pid, 'SIGCONT');
    }
  };
  const nats = await connectNats(stack.broker());
  try {
    const board = { period: 'monthly' };
    const [one, other] = [await stack.connect({ token: stack.user().token }), await stack.connect({ token: stack.user().token })];
    const { ok: _, userRank: __, ...seen } = await ok(one, 'leaderboard-request', board);
    /** Tells of a change as the service does. @param {string} timestamp what it is known by */
    const change = async (timestamp) => {
      const headers = natsHeaders();
      headers.set('Sinaesta-Event', 'leaderboard-updated');
      nats.publish('deliver.board.monthly', JSON.stringify({ ...seen, timestamp }), { headers });
      await next(one, 'leaderboard-updated', (told) => told.timestamp === timestamp);
    };
    /** Asks for it; that is on its way once what stands behind it is answered. @param {import('./harness.mjs').Client} client */
    const ask = async (client) => {
      const asked = ok(client, 'leaderboard-request', board);
      await refusal(client, 'leaderboard-unsubscribe', { period: 'weekly' }, 'leaderboard/not-watched');
      return { asked };
    };
    let entering = { asked: Promise.resolve() };
    await frozen(async () => {
      entering = await ask(other);
      await change('2026-11-23T08:00:00.001Z');
    });
    await entering.asked;
    await next(other, 'leaderboard-updated', (told) => told.timestamp === '2026-11-23T08:00:00.001Z');
    await ok(other, 'leaderboard-unsubscribe', board);
    await frozen(async () => {
      // Whoever tells of this asks where its watchers stand, and finds them gone, and another one coming, when that is answered.
      await change('2026-11-23T08:00:00.002Z');
      await ok(one, 'leaderboard-unsubscribe', board);
      entering = await ask(one);
    });
    await entering.asked;
    await change('2026-11-23T08:00:00.003Z');
  } finally {
    await nats.close();
  }
});

stack.check('ties go to the better average, then to who was first, and neighbours are around one', async () => {
  const specialty = `Spesialis ${randomUUID()}`;
  const [one, two] = await Promise.all([1, 2].map(() => newExam(stack, mentor, { specialty, questions: singles(5) })));
  const [slow, first, second] = [stack.user(), stack.user(), stack.user()];
  await sit(one, 2, slow);
  await sit(two, 2, slow);
  await sit(one, 4, first);
  await sit(one, 4, second);
  const client = await stack.connect({ token: slow.token });
  const expected = [first.id, second.id, slow.id];
  await until(async () => {
    const { entries } = await ok(client, 'leaderboard-request', { specialty });
    return JSON.stringify(entries.map((/** @type {any} */ entry) => entry.user_id)) === JSON.stringify(expected);
  }, { what: 'the order of ties' });
  const around = await ok(client, 'leaderboard-request', { specialty, around: true, limit: 2 });
  assert.deepEqual(around.entries.map((/** @type {any} */ entry) => entry.rank), [2, 3]);
  const nobody = await stack.connect({ token: stack.user().token });
  assert.deepEqual((await ok(nobody, 'leaderboard-request', { specialty, around: true })).entries, []);
});

stack.check('what is refused says why', async () => {
  const client = await stack.connect({ token: stack.user().token });
  const INVALID = 'request/invalid-payload';
  for (const [payload, field] of /** @type {[object, string][]} */ ([
    [{ period: 'daily' }, 'period'], [{ period: 7 }, 'period'], [{ limit: 0 }, 'limit'], [{ limit: 101 }, 'limit'],
    [{ limit: 1.5 }, 'limit'], [{ specialty: '' }, 'specialty'], [{ specialty: 'x'.repeat(101) }, 'specialty'],
    [{ around: 'me' }, 'around'], [{ periodStart: 'yesterday' }, 'periodStart'],
  ])) assert.equal((await refusal(client, 'leaderboard-request', payload, INVALID)).field, field, JSON.stringify(payload));
  for (const role of ['STUDENT', 'MENTOR']) {
    const who = await stack.connect({ token: stack.user({ role }).token });
    await refusal(who, 'leaderboard-update', {}, 'auth/forbidden');
  }
  const greedy = await stack.connect({ token: stack.user().token });
  for (let n = 0; n < 50; n += 1) await ok(greedy, 'leaderboard-request', { specialty: `Spesialis ${n}`, limit: 1 });
  await refusal(greedy, 'leaderboard-request', { specialty: 'Spesialis 50' }, 'leaderboard/too-many-boards');
  await ok(greedy, 'leaderboard-request', { specialty: 'Spesialis 7' });
  await ok(greedy, 'leaderboard-unsubscribe', { specialty: 'Spesialis 7' });
  await ok(greedy, 'leaderboard-request', { specialty: 'Spesialis 50' });
  client.socket.emit('leaderboard-request', {});
  const data = await next(client, 'leaderboard-data');
  assert.equal(data.period, 'weekly');
  assert.ok(Array.isArray(data.entries) && 'userRank' in data && data.timestamp);
});

stack.check('an admin has everything counted anew', async () => {
  const specialty = `Spesialis ${randomUUID()}`;
  const exam = await newExam(stack, mentor, { specialty, questions: singles(5) });
  const user = await sit(exam, 3);
  const admin = await stack.connect({ token: stack.user({ role: 'SUPER_ADMIN' }).token });
  await until(async () => (await ok(admin, 'leaderboard-request', { specialty })).entries.length === 1);
  await stack.sql('update leaderboard_entries set total_hundredths = 1, version = nextval($2) where user_id = $1', [user.id, 'leaderboard_version']);
  const { repaired } = await ok(admin, 'leaderboard-update', {});
  assert.ok(repaired >= 6, `repaired ${repaired}`);
  await until(async () => (await ok(admin, 'leaderboard-request', { specialty })).entries[0].total_score === 3);
});

stack.check('after a rush of five hundred every board is what SQL ranks, while a replica is killed and started again', async () => {
  stack.mine();
  const specialties = [`Bedah ${randomUUID()}`, `Anak ${randomUUID()}`];
  const exams = await Promise.all(specialties.map((specialty) => newExam(stack, mentor, { specialty, questions: singles(5) })));
  const watcher = await stack.connect({ token: stack.user().token });
  await ok(watcher, 'leaderboard-request', { period: 'weekly', limit: 100 });
  /** @type {any[]} */
  const students = [];
  for (let from = 0; from < 500; from += 100) {
    students.push(...await Promise.all(Array.from({ length: 100 }, async (_, n) => {
      const exam = exams[(from + n) % 2];
      const student = await sitter(stack, exam.id);
      await ok(student.client, 'exam-answer', { examId: exam.id, questionIndex: n % 5, answer: (n % 5 + (n % 7 === 0 ? 1 : 0)) % 5 });
      return { ...student, exam };
    })));
  }
  let over = false;
  let asked = 0;
  let lost = 0;
  // Requests are answered throughout, and no board is ever out of order. A question is put once: the one that the killed
  // replica had taken ends in a clear word, and the next is answered.
  const asking = (async () => {
    while (!over) {
      const reply = await emitAck(watcher, 'leaderboard-request', { period: 'weekly', limit: 100 }, 10_000);
      if (!reply.ok && reply.error.code === 'server/timeout' && lost === 0) {
        lost += 1;
        continue;
      }
      assert.equal(reply.ok, true, JSON.stringify(reply));
      reply.entries.forEach((/** @type {any} */ entry, /** @type {number} */ n) => {
        assert.equal(entry.rank, n + 1);
        assert.ok(n === 0 || reply.entries[n - 1].total_score >= entry.total_score);
      });
      asked += 1;
    }
  })();
  const havoc = (async () => {
    await stack.boards[0]?.kill();
    await stack.boards[0]?.start();
  })();
  await Promise.all(students.map(({ client, exam }) => insist(client, 'exam-complete', { examId: exam.id })));
  await havoc;
  const began = Date.now();
  const expected = new Map(await Promise.all([undefined, ...specialties].map(async (specialty) => /** @type {const} */ ([specialty, await ranked(specialty)]))));
  for (const [specialty, rows] of expected) {
    for (const period of ['weekly', 'monthly', 'all_time']) {
      let seen = /** @type {any[]} */ ([]);
      await until(async () => {
        const reply = await ok(watcher, 'leaderboard-request', { period, limit: 100, ...(specialty ? { specialty } : {}) });
        seen = places(reply.entries);
        return JSON.stringify(seen) === JSON.stringify(rows.slice(0, 100));
      }, {
        timeout: 10_000,
        what: () => {
          const at = seen.findIndex((one, n) => JSON.stringify(one) !== JSON.stringify(rows[n]));
          return `the ${period} board of ${specialty ?? 'everyone'}: ${JSON.stringify(seen[at])} is not ${JSON.stringify(rows[at])}`;
        },
      });
    }
  }
  console.log(`# boards agree ${Date.now() - began} ms after the last grade; ${asked} requests answered meanwhile`);
  over = true;
  await asking;
  // Each replica by itself: the other one is stopped.
  for (const [one, other] of [[0, 1], [1, 0]]) {
    await stack.boards[/** @type {number} */ (other)]?.stop();
    const reply = await ok(watcher, 'leaderboard-request', { period: 'all_time', limit: 100 });
    assert.deepEqual(places(reply.entries), expected.get(undefined)?.slice(0, 100), `replica ${one}`);
    await stack.boards[/** @type {number} */ (other)]?.start();
  }
  for (const { client } of students) client.close();
}, { timeout: 120_000 });
