/** The broker loses everything it had stored, in the middle of it all: what was acknowledged is there, and everybody hears of it. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';

import { isAlive, join, newRoom, ok, say, startStack, until } from './harness.mjs';
import { insist, newExam, singles, sitter } from './exam-helpers.mjs';
import { participant, talk, verify } from './load.mjs';
import { opsTool } from './ops-tool.mjs';

const stack = await startStack({ chats: [{}, {}], exams: [{}], boards: [{}, {}], bells: [{}] });
const ops = opsTool(stack);
const mentor = stack.user({ role: 'MENTOR' });
const STUDENTS = 60;

/** All of JetStream's files go, and then the process, which is started again by its supervisor. */
async function loseEverything() {
  const { pid } = stack.infra().nats;
  process.kill(pid, 'SIGSTOP');
  await rm(path.join(stack.data, 'nats', 'jetstream'), { recursive: true, force: true });
  process.kill(pid, 'SIGKILL');
  await until(() => !isAlive(pid), { what: 'the broker to be gone' });
  await until(() => stack.infra().nats.pid !== pid && isAlive(stack.infra().nats.pid), { timeout: 30_000, what: 'another one' });
}

stack.check('all of JetStream is deleted under load', async () => {
  stack.mine();
  const created = new Map((await ops('streams')).split('\n').filter((line) => /^[A-Z]/.test(line)).map((line) => {
    const [name, ...rest] = line.split(/\s+/);
    return [name, rest.slice(4).join(' ')];
  }));
  // Somebody who takes part in the room and is away.
  const roomId = newRoom();
  const away = stack.user();
  const before = await stack.connect({ token: away.token });
  await join(before, roomId);
  before.close();
  const people = await Promise.all([1, 2, 3].map(() => participant(stack, roomId)));
  const exam = await newExam(stack, mentor, { questions: singles(5) });
  const students = await Promise.all(Array.from({ length: STUDENTS }, () => sitter(stack, exam.id, { reconnection: true })));

  const acknowledged = new Map();
  const talking = talk(people, { each: 250, within: 60_000, acknowledged });
  const sitting = Promise.all(students.map(async ({ client }, n) => {
    for (let questionIndex = 0; questionIndex < 5; questionIndex += 1) {
      await insist(client, 'exam-answer', { examId: exam.id, questionIndex, answer: (questionIndex + (n % 3)) % 5 });
    }
    await insist(client, 'exam-complete', { examId: exam.id });
  }));
  await until(() => acknowledged.size >= 150, { timeout: 30_000, every: 2, what: 'a load' });
  await loseEverything();
  await Promise.all([talking, sitting]);
  assert.equal(acknowledged.size, 750);
  console.log(`# ${await ops('rebuild')}`.trimEnd().replaceAll('\n', '; '));

  // The streams are new ones, and every partition has an owner.
  for (const line of (await ops('streams')).split('\n').filter((one) => /^[A-Z]/.test(one))) {
    const [name, ...rest] = line.split(/\s+/);
    assert.notEqual(rest.slice(4).join(' '), created.get(name), `${name} was made anew`);
  }
  await until(async () => !(await ops('partitions')).includes('nobody'), { every: 200, what: 'an owner for every partition' });

  await verify(stack, people, acknowledged);
  const results = await stack.sql(
    'select user_id, (score_hundredths / 100.0)::float8 as score from exam_results where exam_id = $1', [exam.id]);
  assert.equal(results.length, STUDENTS);
  for (const { user_id, score } of results) {
    const n = students.findIndex(({ user }) => user.id === user_id);
    assert.equal(score, n % 3 === 0 ? 5 : 0);
  }
  // Each result counts on the board, once.
  await until(async () => {
    const rows = await stack.sql(
      `select count(*)::int as rows, (sum(total_hundredths) / 100)::int as total from leaderboard_entries e
        where period = 'all_time' and specialty = '' and user_id = any($1)`, [students.map(({ user }) => user.id)]);
    return rows[0].rows === STUDENTS && rows[0].total === 5 * Math.ceil(STUDENTS / 3);
  }, { timeout: 20_000, every: 100, what: 'every result to be on the board' });
  // Each student was told of their result, once.
  await until(async () => {
    const [row] = await stack.sql(
      `select count(*)::int as rows, count(distinct user_id)::int as users from notifications
        where type = 'EXAM_UPDATE' and user_id = any($1)`, [students.map(({ user }) => user.id)]);
    assert.equal(row.rows, row.users, 'nobody is told twice');
    return row.users === STUDENTS;
  }, { timeout: 20_000, every: 100, what: 'everybody to be told of their result' });
  // Who was away is told of all messages by one notification.
  const back = await stack.connect({ token: away.token });
  await until(async () => {
    const { notifications } = await ok(back, 'notification-list', {});
    const waiting = notifications.filter((/** @type {any} */ one) => one.type === 'MESSAGE');
    assert.ok(waiting.length <= 1, 'one for the room');
    return waiting[0]?.count === acknowledged.size;
  }, { timeout: 20_000, every: 100, what: 'the count of messages' });
  // Those who were there have read it, as their clients say.
  await join(back, roomId);
  const last = await say(back, roomId, 'was all this today?');
  for (const { client } of people) await ok(client, 'mark-message-read', { messageId: last.id });
  for (const { client } of students) client.close();
}, { timeout: 170_000 });

stack.check('what is told again changes nothing for those who know it', async () => {
  stack.mine();
  const count = async () => stack.sql(
    `select (select count(*) from notifications)::int as told, (select sum(total_hundredths) from leaderboard_entries)::text as points,
            (select count(*) from leaderboard_results)::int as results`);
  const quiet = () => until(async () => !/ [1-9]\d* +\d+ +\d+$| [1-9]\d* +\d+$/m.test((await ops('streams')).split('events of')[1] ?? ''), {
    every: 200, what: 'everything to be heard' });
  await quiet();
  const before = await count();
  assert.match(await ops('rebuild'), /751 messages were told again\n60 results were told again/);
  await quiet();
  assert.deepEqual(await count(), before);
});
