/**
 * Commands and events that fail while others succeed: each is found, tried a few times, put aside with its reason and
 * answered; what stands behind it goes on. How they fail is planted in the database, by what they carry.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { connect as connectNats } from '@nats-io/transport-node';

import { failCommits, holdCommits } from './commits.mjs';
import { api, newExam, singles, sitter, told } from './exam-helpers.mjs';
import { all, emitAck, join, newRoom, next, ok, say, settled, startStack, until } from './harness.mjs';
import { opsTool } from './ops-tool.mjs';

const stack = await startStack({ exams: [{}], boards: [{}], bells: [{}] });
const { check } = stack;
const ops = opsTool(stack);

await stack.sql(`create function misbehave(what text) returns void language plpgsql as $$
  begin
    case what
      when 'violates' then raise unique_violation using message = 'planted';
      when 'slow' then perform pg_sleep(3);
      when 'ends' then perform pg_sleep(50);
      else null;
    end case;
  end $$`);

/** Plants it in a table, by an expression over the row. @param {string} table @param {string} what */
async function plant(table, what) {
  await stack.sql(`create function misbehave_${table}() returns trigger language plpgsql as $$
    begin perform misbehave(${what}); return new; end $$`);
  await stack.sql(`create trigger misbehave before insert on ${table} for each row execute function misbehave_${table}()`);
}

/** @param {string} service @returns {Promise<{ number: string, reason: string }[]>} */
async function letters(service) {
  const lines = (await ops('dead-letters', 'list', '--service', service)).trim().split('\n').slice(1, -1);
  return lines.map((line) => ({ number: line.trim().split(/\s+/)[0] ?? '', reason: line }));
}

/**
 * Kills a replica each time it works on what ends it, until that is a dead letter; gives how often.
 *
 * @param {import('./harness.mjs').Service} service
 * @param {string} kind
 */
async function endAgainAndAgain(service, kind) {
  for (let kills = 1; kills <= 8; kills += 1) {
    const sleeping = await until(async () => {
      if ((await letters(kind)).some(({ reason }) => /the process ended 3 times/.test(reason))) return 'put aside';
      const [row] = await stack.sql("select pid from pg_stat_activity where wait_event = 'PgSleep' and application_name = $1", [kind]);
      return row?.pid;
    }, { timeout: 30_000, every: 50, what: `${kind} to work on what ends it, or to put it aside` });
    if (sleeping === 'put aside') return kills - 1;
    await service.kill();
    await stack.sql('select pg_terminate_backend($1)', [sleeping]);
    await service.start();
  }
  throw new Error(`${kind} never put aside what ends it`);
}

const PLANTS = /** @type {[string, string][]} */ ([
  ['chat_messages', 'new.message'],
  ['exam_answers', "case new.question_index when 7 then 'violates' when 8 then 'slow' when 9 then 'ends' else '' end"],
  ['notifications', 'new.title'],
  ['leaderboard_results', 'new.specialty'],
]);
for (const [table, what] of PLANTS) await plant(table, what);

check('chat: what violates an index, and what is slow, among a hundred good ones', async () => {
  const client = await stack.connect({ token: stack.user().token });
  const rooms = Array.from({ length: 5 }, () => newRoom());
  for (const roomId of rooms) await join(client, roomId);
  const texts = rooms.flatMap((roomId, n) => Array.from({ length: 20 }, (_, m) => ({ roomId, message: `${n}.${m}` })));
  texts.splice(40, 0, { roomId: rooms[1] ?? '', message: 'violates' }, { roomId: rooms[2] ?? '', message: 'slow' });
  const answers = await Promise.all(texts.map((each) => emitAck(client, 'send-message', each, 20_000)));
  for (const [n, { message }] of texts.entries()) {
    const code = answers[n].error?.code ?? null;
    assert.equal(code, message === 'violates' ? 'server/internal' : null, `${message}: ${JSON.stringify(answers[n])}`);
  }
  for (const roomId of rooms) {
    const stored = (await ok(client, 'message-history', { roomId, limit: 100 })).messages.map((/** @type {any} */ m) => m.message);
    assert.deepEqual(stored, texts.filter((each) => each.roomId === roomId && each.message !== 'violates').map((each) => each.message));
  }
  assert.match((await letters('chat')).map(({ reason }) => reason).join('\n'), /failed 5 times alone: .*planted/);
});

check('chat: what ends the process, and what is behind it', async () => {
  const client = await stack.connect({ token: stack.user().token });
  const roomId = newRoom();
  await join(client, roomId);
  await say(client, roomId, 'before');
  const ends = emitAck(client, 'send-message', { roomId, message: 'ends', clientMessageId: randomUUID() }, 60_000);
  const behind = emitAck(client, 'send-message', { roomId, message: 'behind', clientMessageId: 'behind' }, 60_000);
  const [service] = stack.chats;
  assert.ok(service);
  const kills = await endAgainAndAgain(service, 'chat');
  assert.ok(kills >= 3 && kills <= 5, `${kills} times`);
  assert.ok(['server/internal', 'server/timeout'].includes((await ends).error.code));
  await behind;
  // The client's repeat, should its answer have come too late.
  await until(async () => (await emitAck(client, 'send-message', { roomId, message: 'behind', clientMessageId: 'behind' })).ok,
    { timeout: 30_000, every: 200, what: 'what is behind it to be served' });
  const stored = (await ok(client, 'message-history', { roomId })).messages.map((/** @type {any} */ m) => m.message);
  assert.deepEqual(stored, ['before', 'behind']);
});

check('chat: what is too large when it is told makes its room resynchronise, and nobody wait', async () => {
  const [one, other] = await Promise.all([1, 2].map(() => stack.connect({ token: stack.user().token })));
  assert.ok(one && other);
  const roomId = newRoom();
  for (const client of [one, other]) await join(client, roomId);
  const sent = await say(one, roomId, 'small');
  await stack.sql("update chat_messages set file_name = repeat('x', 9000000) where id = $1", [sent.id]);
  const edited = await emitAck(one, 'message-edit', { messageId: sent.id, message: 'edited' }, 20_000);
  assert.equal(edited.error.code, 'server/answer-too-large');
  assert.deepEqual(await next(other, 'resync-required'), { roomId });
  await stack.sql('update chat_messages set file_name = null where id = $1', [sent.id]);
  const [seen] = (await join(other, roomId, { sinceSeq: 0 })).messages;
  assert.equal(seen.message, 'edited');
  await say(one, roomId, 'and it goes on');
});

check('exams: answers that violate an index, are slow, or end the process', async () => {
  const mentor = stack.user({ role: 'MENTOR' });
  const exam = await newExam(stack, mentor, { questions: singles(10), specialty: 'Bedah' });
  const students = await Promise.all(Array.from({ length: 10 }, () => sitter(stack, exam.id)));
  const answer = (/** @type {any} */ who, /** @type {number} */ questionIndex) =>
    emitAck(who.client, 'exam-answer', { examId: exam.id, questionIndex, answer: 1 }, 40_000);
  const answers = await Promise.all(students.flatMap((who, n) => [0, 1, 2, 3, 4, 5, 6].map((index) => answer(who, index))
    .concat(n === 3 ? [answer(who, 7)] : [], n === 4 ? [answer(who, 8)] : [])));
  assert.equal(answers.filter((each) => !each.ok).length, 1);
  assert.equal(answers.find((each) => !each.ok).error.code, 'server/internal');
  const [service] = stack.exams;
  assert.ok(service);
  const ends = answer(students[5], 9);
  const kills = await endAgainAndAgain(service, 'exam-grading');
  assert.ok(kills >= 3 && kills <= 5, `${kills} times`);
  await ends;
  for (const who of students) {
    const done = await until(async () => {
      const reply = await emitAck(who.client, 'exam-complete', { examId: exam.id }, 20_000);
      return reply.ok && reply;
    }, { timeout: 30_000, what: 'the exam to be handed in' });
    const given = done.result.answers.filter((/** @type {any} */ each) => each !== null).length;
    assert.equal(given, who === students[4] ? 8 : 7);
  }
});

check('notifications: one that violates an index, among good ones', async () => {
  const admin = await stack.connect({ token: stack.user({ role: 'SUPER_ADMIN' }).token });
  const target = stack.user();
  await stack.connect({ token: target.token });
  const send = (/** @type {string} */ title) =>
    emitAck(admin, 'notification-send', { userId: target.id, type: 'SYSTEM', title, message: 'x' }, 20_000);
  const titles = Array.from({ length: 50 }, (_, n) => `good ${n}`);
  titles.splice(20, 0, 'violates', 'slow');
  const answers = await Promise.all(titles.map(send));
  for (const [n, title] of titles.entries()) assert.equal(answers[n].ok, title !== 'violates', JSON.stringify(answers[n]));
  const [{ count }] = await stack.sql('select count(*)::int as count from notifications where user_id = $1', [target.id]);
  assert.equal(count, 51);
  assert.equal((await letters('notification')).length, 1);
});

check('boards: a result that violates an index holds up no other', async () => {
  const mentor = stack.user({ role: 'MENTOR' });
  for (const specialty of ['violates', 'Anestesi']) {
    const exam = await newExam(stack, mentor, { questions: singles(2), specialty });
    const who = await sitter(stack, exam.id);
    await ok(who.client, 'exam-complete', { examId: exam.id });
  }
  await until(async () => {
    const [row] = await stack.sql("select count(*)::int as count from leaderboard_results where specialty = 'Anestesi'");
    return row.count === 1;
  }, { timeout: 20_000, what: 'the good one to be counted' });
  await until(async () => (await letters('leaderboard')).length === 1, { timeout: 60_000, every: 200, what: 'the other to be put aside' });
});

check('what was put aside is resent when its cause is mended, and removed', async () => {
  await stack.sql("create or replace function misbehave(what text) returns void language sql as 'select'");
  for (const service of ['chat', 'exam-grading', 'notification', 'leaderboard']) {
    assert.ok((await letters(service)).length > 0, service);
    await ops('dead-letters', 'resend', '--all', '--service', service);
    assert.deepEqual(await letters(service), [], service);
  }
  const stored = async (/** @type {string} */ text, /** @type {string} */ from) =>
    (await stack.sql(`select count(*)::int as count from ${from} = $1`, [text]))[0].count;
  await until(async () => (await stored('violates', 'chat_messages where message')) === 1
    && (await stored('ends', 'chat_messages where message')) === 1
    && (await stored('violates', 'notifications where title')) === 1
    && (await stored('violates', 'leaderboard_results where specialty')) === 1,
  { timeout: 20_000, what: 'what was resent to be done' });
  // Their exam is over: these are refused, which is an answer.
  const { status } = await api(stack, stack.user({ role: 'MENTOR' }), 'GET', '/api/exams');
  assert.equal(status, 200);
  const counted = await stack.sql("select service, message from message_attempts where message <> 'probe'");
  assert.deepEqual(counted, [], 'nothing is counted of what has an outcome');
});

/**
 * What is done by one command or event, and what others see of it.
 *
 * @typedef {{ table: string, marker: string, act: () => Promise<any>, seen: () => any[], others: import('./harness.mjs').Client[],
 *             isEvent?: boolean, elsewhere?: () => Promise<unknown> }} Doing
 * @typedef {{ by: string, service?: () => import('./harness.mjs').Service | undefined, prepare: () => Promise<Doing> }} Kind `by` is the
 *           command's or event's name; a kind with a service is shown for a crash as well
 */

/** Two people in a room. */
async function room() {
  const [one, other] = [stack.user(), stack.user()];
  const clients = await Promise.all([one, other].map(({ token }) => stack.connect({ token })));
  const [by, watching] = clients;
  assert.ok(by && watching);
  const roomId = newRoom();
  for (const client of clients) await join(client, roomId);
  return { roomId, by, watching };
}

/** Somebody in an exam, and who watches it. */
async function sitting() {
  const mentor = stack.user({ role: 'MENTOR' });
  const specialty = `Spesialis ${randomUUID()}`;
  const exam = await newExam(stack, mentor, { questions: singles(2), specialty });
  const who = await sitter(stack, exam.id);
  const proctor = await stack.connect({ token: mentor.token });
  await ok(proctor, 'exam-monitor', { examId: exam.id });
  const shown = (/** @type {(participant: any) => boolean} */ fits) => () =>
    all(proctor, 'exam-monitor-update').flatMap(({ participants }) => participants).filter(fits);
  return { exam, mentor, specialty, ...who, proctor, shown };
}

/** Somebody with two sockets, and who sends to them. */
async function inbox() {
  const user = stack.user();
  const [here, there] = await Promise.all([1, 2].map(() => stack.connect({ token: user.token })));
  const admin = await stack.connect({ token: stack.user({ role: 'SUPER_ADMIN' }).token });
  assert.ok(here && there);
  const title = `Judul ${randomUUID()}`;
  const send = () => emitAck(admin, 'notification-send', { userId: user.id, type: 'SYSTEM', title, message: 'x' }, 30_000);
  return { here, there, title, send };
}

const DOINGS = /** @type {Record<string, Kind>} */ ({
  'chat, a message': {
    by: 'send-message-v1',
    service: () => stack.chats[0],
    prepare: async () => {
      const [{ roomId, by, watching }, marker, absent] = [await room(), randomUUID(), stack.user()];
      const away = await stack.connect({ token: absent.token });
      await join(away, roomId);
      away.close();
      await until(async () => (await stack.sql('select from chat_room_sockets where user_id = $1', [absent.id])).length === 0, { what: 'one to be away' });
      const bell = await stack.connect({ token: absent.token });
      return {
        table: 'chat_messages', marker, others: [watching],
        act: () => emitAck(by, 'send-message', { roomId, message: marker }, 30_000),
        seen: () => all(watching, 'receive-message', (message) => message.message === marker),
        elsewhere: () => next(bell, 'new-notification', (one) => one.message === marker),
      };
    },
  },
  'chat, an edit': {
    by: 'edit-message-v1',
    service: () => stack.chats[0],
    prepare: async () => {
      const [{ roomId, by, watching }, marker] = [await room(), randomUUID()];
      const { id } = await say(by, roomId, 'before');
      return {
        table: 'chat_messages', marker, others: [watching],
        act: () => emitAck(by, 'message-edit', { messageId: id, message: marker }, 30_000),
        seen: () => all(watching, 'message-edited', ({ message }) => message.message === marker),
      };
    },
  },
  'chat, a room that is joined': {
    by: 'join-room-v1',
    service: () => stack.chats[0],
    prepare: async () => {
      const [{ roomId, watching }, user] = [await room(), stack.user()];
      const client = await stack.connect({ token: user.token });
      return {
        table: 'chat_room_sockets', marker: user.id, others: [watching],
        act: () => emitAck(client, 'join-room', { roomId }, 30_000),
        seen: () => all(watching, 'user-joined-room', ({ userId }) => userId === user.id),
      };
    },
  },
  'exams, an answer': {
    by: 'save-answer-v1',
    service: () => stack.exams[0],
    prepare: async () => {
      const { exam, client, joined, proctor, shown } = await sitting();
      return {
        table: 'exam_answers', marker: joined.session.id, others: [proctor],
        act: () => emitAck(client, 'exam-answer', { examId: exam.id, questionIndex: 0, answer: 0 }, 30_000),
        seen: shown((one) => one.answered_count === 1),
      };
    },
  },
  'exams, a completion': {
    by: 'complete-exam-v1',
    service: () => stack.exams[0],
    prepare: async () => {
      const { exam, specialty, user, client, proctor } = await sitting();
      await ok(proctor, 'leaderboard-request', { period: 'weekly', specialty });
      return {
        table: 'exam_results', marker: user.id, others: [client],
        act: () => emitAck(client, 'exam-complete', { examId: exam.id }, 30_000),
        seen: () => told(client, exam.id),
        elsewhere: () => Promise.all([
          next(client, 'new-notification', (one) => one.data?.kind === 'exam-graded'),
          next(proctor, 'leaderboard-updated', (board) => board.specialty === specialty),
        ]),
      };
    },
  },
  'notifications, one that is sent': {
    by: 'send-notification-v1',
    service: () => stack.bells[0],
    prepare: async () => {
      const { there, title, send } = await inbox();
      return {
        table: 'notifications', marker: title, others: [there],
        act: send,
        seen: () => all(there, 'new-notification', (one) => one.title === title),
      };
    },
  },
  'notifications, one that is read': {
    by: 'read-notification-v1',
    service: () => stack.bells[0],
    prepare: async () => {
      const { here, there, title, send } = await inbox();
      const { notificationId } = await send();
      return {
        table: 'notifications', marker: title, others: [there],
        act: () => emitAck(here, 'notification-read', { notificationId }, 30_000),
        seen: () => all(there, 'notification-read', (one) => one.notificationId === notificationId),
      };
    },
  },
  'chat, a member of a group': {
    by: 'join-group-v1',
    prepare: async () => {
      const [owner, user] = [stack.user(), stack.user()];
      const [watching, client] = await Promise.all([owner, user].map(({ token }) => stack.connect({ token })));
      assert.ok(watching && client);
      const { id: groupId } = await ok(watching, 'study-group-create', { name: 'EKG' });
      return {
        table: 'study_group_members', marker: user.id, others: [watching],
        act: () => emitAck(client, 'study-group-join', { groupId }, 30_000),
        seen: () => all(watching, 'study-group-member-joined', ({ userId }) => userId === user.id),
      };
    },
  },
  'chat, a reaction': {
    by: 'react-to-message-v1',
    prepare: async () => {
      const { roomId, by, watching } = await room();
      const { id } = await say(by, roomId, 'one');
      return {
        table: 'chat_reactions', marker: id, others: [watching],
        act: () => emitAck(by, 'message-react', { messageId: id, emoji: '👍' }, 30_000),
        seen: () => all(watching, 'message-reactions', ({ messageId }) => messageId === id),
      };
    },
  },
  'exams, an autosave': {
    by: 'save-progress-v1',
    prepare: async () => {
      const { exam, client, joined, proctor, shown } = await sitting();
      return {
        table: 'exam_autosaves', marker: joined.session.id, others: [proctor],
        act: () => emitAck(client, 'exam-progress', { examId: exam.id, currentQuestion: 1, timeRemaining: 60, answers: [0] }, 30_000),
        seen: shown((one) => one.answered_count === 1),
      };
    },
  },
  'exams, a corrected key': {
    by: 'regrade-exam-v1',
    prepare: async () => {
      const { exam, mentor, user, client } = await sitting();
      await ok(client, 'exam-answer', { examId: exam.id, questionIndex: 0, answer: 1 });
      await ok(client, 'exam-complete', { examId: exam.id });
      const corrections = [{ questionIndex: 0, key: { kind: 'single-choice', correct: 1 } }];
      return {
        table: 'exam_results', marker: user.id, others: [client],
        act: () => api(stack, mentor, 'POST', `/api/exams/${exam.id}/regrade`, { corrections }).then(({ status }) => ({ ok: status === 200 })),
        seen: () => told(client, exam.id).filter(({ reason, result }) => reason === 'regraded' && result.score === 1),
      };
    },
  },
  'notifications, all that are read': {
    by: 'read-all-notifications-v1',
    prepare: async () => {
      const { here, there, title, send } = await inbox();
      await send();
      return {
        table: 'notifications', marker: title, others: [there],
        act: () => emitAck(here, 'notification-read-all', {}, 30_000),
        seen: () => all(there, 'notifications-read-all'),
      };
    },
  },
  'boards, a result': {
    by: 'graded-v1',
    service: () => stack.boards[0],
    prepare: async () => {
      const { exam, specialty, user, client, proctor } = await sitting();
      await ok(proctor, 'leaderboard-request', { period: 'weekly', specialty });
      return {
        table: 'leaderboard_results', marker: user.id, others: [proctor], isEvent: true,
        act: () => emitAck(client, 'exam-complete', { examId: exam.id }, 30_000),
        seen: () => all(proctor, 'leaderboard-updated', (board) => board.specialty === specialty),
      };
    },
  },
});

/** What everybody was told so far is nothing, and nobody was answered. @param {Doing} doing @param {() => any} answered */
async function nothingYet({ others, seen, isEvent }, answered) {
  for (const client of others) await settled(client);
  assert.deepEqual(seen(), [], 'published before the commit');
  if (!isEvent) assert.equal(answered(), undefined, 'answered before the commit');
}

/** It is done, and everybody was told of it once. @param {Doing} doing @param {Promise<any>} acting */
async function doneOnce({ seen, others, elsewhere }, acting) {
  const answer = await acting;
  assert.equal(answer.ok, true, JSON.stringify(answer));
  await until(() => seen().length > 0, { timeout: 20_000, what: 'others to be told' });
  for (const client of others) await settled(client);
  assert.equal(seen().length, 1, 'told twice');
  await elsewhere?.();
}

/** Begins it, and gives a way to see whether it was answered. @param {Doing} doing */
function begin({ act }) {
  /** @type {any} */
  let answer;
  const acting = act().then((reply) => (answer = reply));
  return { acting, answered: () => answer };
}

for (const [what, { service, prepare }] of Object.entries(DOINGS)) {
  if (service) check(`${what}: nobody is told before the commit, and a crash right after it is made good`, async () => {
    const doing = await prepare();
    const commits = await holdCommits(stack, doing.table, doing.marker);
    const { acting, answered } = begin(doing);
    await commits.reached();
    await nothingYet(doing, answered);
    // The transaction is the database's to end: it commits, and nobody is left to say so.
    await service()?.kill();
    await commits.release();
    await service()?.start();
    await doneOnce(doing, acting);
  });

  check(`${what}: nobody is told of a commit that fails, until it succeeds`, async () => {
    const doing = await prepare();
    const commits = await failCommits(stack, doing.table, doing.marker);
    const { acting, answered } = begin(doing);
    await commits.reached();
    await nothingYet(doing, answered);
    await commits.mend();
    await doneOnce(doing, acting);
  });
}

check('what comes again under its id is done once, and told again under the same ids', async () => {
  const nats = await connectNats(stack.broker());
  try {
    /** @type {import('@nats-io/transport-node').Msg[]} */
    const heard = [];
    for (const subject of ['cmd.>', 'deliver.>', 'event.>']) {
      nats.subscribe(subject, { callback: (error, message) => void (error ?? heard.push(message)) });
    }
    await nats.flush();
    const id = (/** @type {import('@nats-io/transport-node').Msg} */ message) => message.headers?.get('Nats-Msg-Id') ?? '';
    for (const [what, { by, prepare }] of Object.entries(DOINGS)) {
      const doing = await prepare();
      await nats.flush();
      heard.length = 0;
      const { acting } = begin(doing);
      await doneOnce(doing, acting);
      await nats.flush();
      const cause = heard.find(({ subject }) => subject.split('.')[2] === by);
      assert.ok(cause?.headers, what);
      const of = id(cause);
      // What a command leads to is named after it, and what a result does on the boards after the standings.
      const isLedTo = (/** @type {import('@nats-io/transport-node').Msg} */ message) =>
        (doing.isEvent ? message.subject.startsWith('event.leaderboard.standings') : id(message).startsWith(`${of}.`));
      const published = () => heard.filter(isLedTo).map((message) => `${message.subject} ${message.headers?.get('Sinaesta-Event')} ${id(message)}`);
      const stored = () => stack.sql(`select * from ${doing.table} t where position($1 in to_jsonb(t)::text) > 0`, [doing.marker]);
      const [first, rows] = [published(), await stored()];
      assert.ok(first.length > 0, what);
      heard.length = 0;
      // As it is sent again when an answer or an acknowledgement got lost: the same, which the broker takes for another message.
      cause.headers.set('Nats-Msg-Id', doing.isEvent ? `again.${of}` : `${of}#1`);
      nats.publish(cause.subject, cause.data, { headers: cause.headers });
      await until(() => published().length >= first.length, { what: () => `${what}: ${first} to be published again, got ${published()}` });
      assert.deepEqual(published(), first, what);
      assert.deepEqual(await stored(), rows, what);
      for (const client of doing.others) await settled(client);
      assert.equal(doing.seen().length, 1, `${what}: told twice`);
    }
  } finally {
    await nats.close();
  }
});
