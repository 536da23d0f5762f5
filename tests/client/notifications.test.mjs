/** The bell: who is told of what, and that the badge is right everywhere. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import net from 'node:net';
import { after } from 'node:test';

import { jetstreamManager } from '@nats-io/jetstream';
import { connect as connectNats } from '@nats-io/transport-node';

import { all, connected, disconnected, emitAck, join, newRoom, next, ok, refusal, say, settled, startStack, until } from './harness.mjs';
import { holdCommits } from './commits.mjs';
import { api, insist, newExam, sitter, single, singles } from './exam-helpers.mjs';
import { keepInbox } from './inbox.mjs';
import { startPushService } from './push-service.mjs';

const push = await startPushService();
after(() => push.stop());
const stack = await startStack({
  gateways: [{}, {}], exams: [{}], boards: [{}], bells: [{}, {}],
  env: {
    SINAESTA__NOTIFICATIONS__PUSH_DELAY_MS: '300', SINAESTA__NOTIFICATIONS__PUSH_HOSTS: push.origin,
    SINAESTA__NOTIFICATIONS__RETENTION_TICK_MS: '500',
  },
});
const [, otherGateway] = stack.gateways;
const mentor = stack.user({ role: 'MENTOR', name: 'dr. Bayu' });
const admin = stack.user({ role: 'PROGRAM_ADMIN' });
const mentorClient = await stack.connect({ token: mentor.token });
const adminClient = await stack.connect({ token: admin.token });

/** @param {object} [more] */
const note = (more = {}) => ({ type: 'SYSTEM', title: 'Title', message: 'Text', ...more });

/** Somebody new who is connected and has their inbox. @param {Parameters<typeof stack.user>[0] & { port?: number }} [options] */
async function reader({ port, ...more } = {}) {
  const user = stack.user(more);
  const client = stack.open({ token: user.token, ...(port ? { port } : {}) });
  const inbox = keepInbox(client);
  await connected(client);
  await next(client, 'notifications-snapshot');
  return { user, client, inbox };
}

/** What SQL says of a user's inbox: each notification's id and whether it is read. @param {string} id */
async function stored(id) {
  const rows = await stack.sql('select id, read_at is not null as is_read from notification_seen where reader_id = $1 order by id', [id]);
  return rows.map((row) => [row.id, row.is_read]);
}

/** Waits until the service has dealt with all events of a kind. @param {string} kind */
async function heard(kind) {
  const nats = await connectNats(stack.broker());
  try {
    const manager = await jetstreamManager(nats);
    await until(async () => {
      const consumers = await manager.consumers.list('EVENTS').next();
      const own = consumers.filter(({ name, config }) => name.includes('notification') && config.filter_subject?.includes(kind));
      return own.length === 1 && own.every((one) => one.num_pending + one.num_ack_pending === 0);
    }, { what: `${kind} to be heard` });
  } finally {
    await nats.close();
  }
}

stack.check('a notification reaches all sockets of its user, with the count, and is there on the next connection', async () => {
  const { user, client } = await reader();
  const second = await stack.connect({ token: user.token, port: otherGateway?.port });
  const sent = await ok(client, 'notification-send', note({
    type: 'EXAM_UPDATE', title: 'Exam <b>soon</b>', message: 'K+ <3.5', priority: 'high', actionUrl: '/exams/123', data: { a: [1, null, 'x'] },
  }));
  assert.deepEqual((await next(client, 'notification-sent')).notificationId, sent.notificationId);
  for (const socket of [client, second]) {
    const { created_at, updated_at, version, ...told } = await next(socket, 'new-notification');
    assert.deepEqual(told, {
      id: sent.notificationId, user_id: user.id, type: 'EXAM_UPDATE', title: 'Exam <b>soon</b>', message: 'K+ <3.5',
      data: { a: [1, null, 'x'] }, is_read: false, priority: 'high', action_url: '/exams/123', count: 1, unread_count: 1, is_silent: false,
    });
    assert.deepEqual([created_at, updated_at], [sent.timestamp, sent.timestamp]);
    assert.ok(version >= 1);
  }
  await ok(mentorClient, 'notification-send', note({ userId: user.id, title: 'From your mentor' }));
  await next(second, 'new-notification', (told) => told.title === 'From your mentor' && told.unread_count === 2);
  const read = await ok(second, 'notification-read', { notificationId: sent.notificationId });
  assert.equal(read.unreadCount, 1);
  for (const socket of [client, second]) {
    const { ok: _, ...told } = read;
    assert.deepEqual(await next(socket, 'notification-read'), told);
  }
  // Reading it again changes nothing.
  const again = await ok(client, 'notification-read', { notificationId: sent.notificationId });
  assert.deepEqual([again.unreadCount, again.version], [1, read.version]);
  assert.equal((await ok(client, 'notification-read-all', {})).unreadCount, 0);
  const everything = await next(second, 'notifications-read-all');
  assert.deepEqual([everything.unreadCount, everything.readUpToVersion], [0, everything.version]);
  const third = await stack.connect({ token: user.token });
  const snapshot = await next(third, 'notifications-snapshot');
  assert.deepEqual(snapshot.notifications.map((/** @type {any} */ one) => [one.title, one.is_read]), [['From your mentor', true], ['Exam <b>soon</b>', true]]);
  assert.equal(snapshot.unreadCount, 0);
});

stack.check('who may tell whom, and what is refused', async () => {
  const { user, client } = await reader();
  const other = await reader();
  /** @type {[import('./harness.mjs').Client, object, string, string | undefined][]} */
  const cases = [
    [client, note({ userId: other.user.id }), 'auth/forbidden', 'userId'],
    [client, note({ audience: { all: true } }), 'auth/forbidden', 'audience'],
    [mentorClient, note({ audience: { all: true } }), 'auth/forbidden', 'audience'],
    [mentorClient, note({ audience: { role: 'STUDENT' } }), 'auth/forbidden', 'audience'],
    [mentorClient, note({ userId: randomUUID() }), 'notification/no-such-user', 'userId'],
    [mentorClient, note({ userId: 'x' }), 'request/invalid-payload', 'userId'],
    [adminClient, note({ audience: {} }), 'request/invalid-payload', 'audience'],
    [adminClient, note({ audience: { all: true, role: 'MENTOR' } }), 'request/invalid-payload', 'audience'],
    [adminClient, note({ audience: { role: 'TEACHER' } }), 'request/invalid-payload', 'audience.role'],
    [adminClient, note({ userId: user.id, audience: { all: true } }), 'request/invalid-payload', 'audience'],
    [client, note({ type: 'NEWS' }), 'request/invalid-payload', 'type'],
    [client, note({ priority: 'top' }), 'request/invalid-payload', 'priority'],
    [client, note({ title: '' }), 'request/invalid-payload', 'title'],
    [client, note({ title: 'x'.repeat(201) }), 'request/invalid-payload', 'title'],
    [client, note({ message: 'x'.repeat(2_001) }), 'request/invalid-payload', 'message'],
    [client, note({ message: 'a\u0000b' }), 'request/invalid-payload', 'message'],
    [client, note({ data: 'x'.repeat(4_096) }), 'request/invalid-payload', 'data'],
    ...[33, 100, 125].map((depth) => /** @type {[import('./harness.mjs').Client, object, string, string]} */ ([
      client, note({ data: JSON.parse('['.repeat(depth) + ']'.repeat(depth)) }), 'request/invalid-payload', 'data',
    ])),
    [client, { type: 'SYSTEM', title: 'x' }, 'request/invalid-payload', 'message'],
    ...['javascript:alert(1)', 'JAVASCRIPT:alert(1)', 'data:text/html,x', '//evil.example', '/\\evil.example', 'exams', 'ftp://a.example/', 'https://']
      .map((actionUrl) => /** @type {[import('./harness.mjs').Client, object, string, string]} */ ([client, note({ actionUrl }), 'notification/invalid-action-url', 'actionUrl'])),
  ];
  for (const [socket, payload, code, field] of cases) {
    const error = await refusal(socket, 'notification-send', payload, code);
    assert.equal(error.field, field, JSON.stringify(payload).slice(0, 200));
    socket.socket.emit('notification-send', payload);
    const event = await next(socket, 'error', (told) => told.code === code && told.field === field);
    assert.equal(event.event, 'notification-send');
  }
  for (const depth of [126, 500]) await refusal(client, 'notification-send', note({ data: JSON.parse('['.repeat(depth) + ']'.repeat(depth)) }), 'request/invalid-payload');
  assert.deepEqual(await stored(user.id), []);
  assert.deepEqual(all(other.client, 'new-notification'), []);
  // NUL within JSON is data like any other.
  const odd = await ok(client, 'notification-send', note({ data: { text: 'a\u0000b', big: 1e300 } }));
  const told = await next(client, 'new-notification', (payload) => payload.id === odd.notificationId);
  assert.deepEqual(told.data, { text: 'a\u0000b', big: 1e300 });
});

stack.check('another user\'s notification can be neither read nor marked', async () => {
  const [mine, other] = [await reader(), await reader()];
  const { notificationId } = await ok(mine.client, 'notification-send', note({ title: 'Private' }));
  for (const unknown of [notificationId, randomUUID()]) {
    const error = await refusal(other.client, 'notification-read', { notificationId: unknown }, 'notification/not-found');
    assert.deepEqual([error.message, error.field], ['There is no such notification', 'notificationId']);
    await refusal(other.client, 'notification-list', { before: unknown }, 'notification/not-found');
    await refusal(adminClient, 'notification-read', { notificationId: unknown }, 'notification/not-found');
  }
  await ok(other.client, 'notification-read-all', {});
  assert.deepEqual((await ok(other.client, 'notification-list', {})).notifications, []);
  assert.deepEqual((await api(stack, other.user, 'GET', '/api/notifications')).body.notifications, []);
  assert.deepEqual(await stored(mine.user.id), [[notificationId, false]]);
  await settled(other.client);
  assert.deepEqual(all(other.client, 'new-notification'), []);
});

stack.check('a list has pages, newest first, and can leave out what is read', async () => {
  const { user, client } = await reader();
  const ids = [];
  for (let n = 0; n < 25; n += 1) ids.unshift((await ok(client, 'notification-send', note({ title: `Number ${n}` }))).notificationId);
  const first = await ok(client, 'notification-list', { limit: 10 });
  const second = await ok(client, 'notification-list', { limit: 10, before: first.notifications.at(-1).id });
  const third = await ok(client, 'notification-list', { limit: 10, before: second.notifications.at(-1).id });
  const pages = [first, second, third];
  assert.deepEqual(pages.flatMap((page) => page.notifications.map((/** @type {any} */ one) => one.id)), ids);
  assert.deepEqual(pages.map((page) => [page.hasMore, page.unreadCount]), [[true, 25], [true, 25], [false, 25]]);
  await Promise.all(ids.slice(0, 24).map((notificationId) => ok(client, 'notification-read', { notificationId })));
  const unread = await ok(client, 'notification-list', { unreadOnly: true });
  assert.deepEqual([unread.notifications.map((/** @type {any} */ one) => one.id), unread.unreadCount, unread.hasMore], [[ids[24]], 1, false]);
  const byHttp = await api(stack, user, 'GET', '/api/notifications?limit=3&unreadOnly=false');
  assert.deepEqual(byHttp.body.notifications.map((/** @type {any} */ one) => one.id), ids.slice(0, 3));
  for (const bad of [{ limit: 0 }, { limit: 101 }, { before: 'x' }, { unreadOnly: 'yes' }]) await refusal(client, 'notification-list', bad, 'request/invalid-payload');
});

stack.check('three sockets on two gateways, one reconnecting at random: a thousand sends and reads, and all agree with SQL', async () => {
  const user = stack.user();
  const sockets = [stack.open({ token: user.token }), stack.open({ token: user.token, port: otherGateway?.port }), stack.open({ token: user.token, port: otherGateway?.port })];
  const inboxes = sockets.map(keepInbox);
  await Promise.all(sockets.map((socket) => connected(socket)));
  const [steady, flaky] = [sockets[0], sockets[2]];
  assert.ok(steady && flaky);
  let isOver = false;
  const reconnecting = (async () => {
    while (!isOver) {
      await new Promise((resolve) => setTimeout(resolve, 10 + Math.random() * 60));
      flaky.socket.disconnect();
      await disconnected(flaky);
      await connected(flaky);
    }
  })();
  /** @type {string[]} */
  const ids = [];
  /** @param {number} n */
  const step = async (n) => {
    const by = sockets[n % 2] ?? steady;
    const dice = Math.random();
    if (dice < 0.55 || ids.length === 0) {
      ids.push((await ok(n % 5 === 0 ? mentorClient : by, 'notification-send', note({ userId: user.id, title: `${n}` }))).notificationId);
    } else if (dice < 0.97) {
      await ok(by, 'notification-read', { notificationId: ids[Math.floor(Math.random() * ids.length)] });
    } else {
      await ok(by, 'notification-read-all', {});
    }
  };
  for (let n = 0; n < 1_000; n += 8) await Promise.all(Array.from({ length: 8 }, (_, k) => step(n + k)));
  isOver = true;
  await reconnecting;
  const truth = await stored(user.id);
  const unread = truth.filter(([, isRead]) => !isRead).length;
  assert.equal(truth.length, ids.length);
  // A snapshot has the latest 20 only: what a socket missed beyond that it gets by paging, as any client does.
  const missed = await ok(flaky, 'notification-list', { limit: 100 });
  flaky.socket.listeners('notifications-snapshot')[0]?.(missed);
  for (let page = missed; page.hasMore;) {
    page = await ok(flaky, 'notification-list', { limit: 100, before: page.notifications.at(-1).id });
    flaky.socket.listeners('notifications-snapshot')[0]?.(page);
  }
  for (const [n, inbox] of inboxes.entries()) {
    await until(() => inbox.unread === unread && inbox.list().length === truth.length, { what: () => `socket ${n}: ${inbox.unread} of ${unread} unread` });
    assert.deepEqual(inbox.list(), truth.map(([id, isRead]) => [id, isRead]).sort(([a], [b]) => a.localeCompare(b)), `socket ${n}`);
  }
  // The badge never went back: of each socket, counts of the same version are the same.
  for (const socket of sockets) {
    const counts = new Map();
    for (const { payload } of socket.received) {
      const [version, count] = [payload?.version, payload?.unread_count ?? payload?.unreadCount];
      if (version === undefined || count === undefined) continue;
      assert.equal(counts.get(version) ?? count, count, `version ${version} has two counts`);
      counts.set(version, count);
    }
  }
}, { timeout: 120_000 });

stack.check('a service that is killed in the middle loses nothing, and shows nothing twice', async () => {
  const { user, client, inbox } = await reader();
  const [first, second] = stack.bells;
  assert.ok(first && second);
  let [isOver, kills] = [false, 0];
  const killing = (async () => {
    for (; !isOver; kills += 1) {
      const victim = kills % 2 === 0 ? first : second;
      await victim.kill();
      await victim.start();
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  })();
  /** @type {string[]} */
  const titles = [];
  try {
    while (kills < 4) {
      const few = Array.from({ length: 5 }, (_, n) => `Number ${titles.length + n}`);
      titles.push(...few);
      await Promise.all(few.map((title) => insist(mentorClient, 'notification-send', note({ userId: user.id, title }))));
    }
  } finally {
    isOver = true;
    await killing;
  }
  const truth = await stored(user.id);
  await until(() => inbox.list().length === truth.length && inbox.unread === truth.length, { what: () => `${inbox.list().length} of ${truth.length}` });
  const shown = new Map(all(client, 'new-notification').map((told) => [told.id, told.title]));
  // A repeat after a lost answer is another notification to the service; each that was acknowledged is there.
  assert.deepEqual(new Set(shown.values()), new Set(titles));
  assert.equal(shown.size, truth.length);
}, { timeout: 120_000 });

stack.check('an announcement is one row, with each reader\'s own state, and only for its audience', async () => {
  const specialty = `Spesialis ${randomUUID()}`;
  const [one, two, doctor] = await Promise.all([
    reader({ claims: { specialty } }), reader({ port: otherGateway?.port }), reader({ role: 'MENTOR', claims: { specialty } }),
  ]);
  const [before] = await stack.sql('select count(*)::int as count from notifications');
  const toAll = await ok(adminClient, 'notification-send', note({ title: 'To all', audience: { all: true } }));
  const toSpecialty = await ok(adminClient, 'notification-send', note({ title: 'To a specialty', audience: { specialty } }));
  const toStudents = await ok(adminClient, 'notification-send', note({ title: 'To its students', audience: { specialty, role: 'STUDENT' } }));
  const [{ count }] = /** @type {[any]} */ (await stack.sql('select count(*)::int as count from notifications'));
  assert.equal(count, before.count + 3);
  const own = (/** @type {any} */ payload) => [payload.title, payload.user_id, payload.unread_count];
  const last = await next(one.client, 'new-notification', (told) => told.id === toStudents.notificationId);
  assert.equal(last.unread_count, 3);
  assert.deepEqual(own(await next(one.client, 'new-notification', (told) => told.id === toAll.notificationId)).slice(0, 2), ['To all', one.user.id]);
  assert.deepEqual(own(await next(two.client, 'new-notification')), ['To all', two.user.id, 1]);
  await next(doctor.client, 'new-notification', (told) => told.id === toSpecialty.notificationId && told.user_id === doctor.user.id);
  // What one reads is unread for the others.
  await ok(one.client, 'notification-read', { notificationId: toAll.notificationId });
  assert.equal((await next(one.client, 'notification-read')).unreadCount, 2);
  await refusal(two.client, 'notification-read', { notificationId: toSpecialty.notificationId }, 'notification/not-found');
  const lists = await Promise.all([one, two, doctor].map(({ client }) => ok(client, 'notification-list', {})));
  assert.deepEqual(lists.map((list) => [list.unreadCount, list.notifications.length]), [[2, 3], [1, 1], [2, 2]]);
  await until(() => one.inbox.unread === 2 && two.inbox.unread === 1 && doctor.inbox.unread === 2);
  // What is told to all now comes behind what was not for them.
  await ok(adminClient, 'notification-send', note({ title: 'To all again', audience: { all: true } }));
  for (const [{ client }, titles] of /** @type {const} */ ([[two, ['To all', 'To all again']], [doctor, ['To all', 'To a specialty', 'To all again']]])) {
    await next(client, 'new-notification', (told) => told.title === 'To all again');
    assert.deepEqual(all(client, 'new-notification').map((told) => told.title), titles);
  }
  // Whoever comes later was not meant.
  const late = await reader({ claims: { specialty } });
  assert.deepEqual([late.inbox.unread, late.inbox.list()], [0, []]);
});

stack.check('an announcement that is withdrawn leaves the badge of everybody who had it', async () => {
  const [one, two] = [await reader(), await reader({ port: otherGateway?.port })];
  const [old, kept] = [
    await ok(adminClient, 'notification-send', note({ title: 'Old', audience: { all: true } })),
    await ok(adminClient, 'notification-send', note({ title: 'Kept', audience: { all: true } })),
  ];
  for (const { client, inbox } of [one, two]) {
    await next(client, 'new-notification', (told) => told.id === kept.notificationId);
    await until(() => inbox.unread === 2);
  }
  await ok(two.client, 'notification-read', { notificationId: old.notificationId });
  await until(() => two.inbox.unread === 1);
  const before = [one, two].map(({ inbox }) => inbox.version);
  // As old as what is kept no longer.
  await stack.sql("update notifications set created_at = created_at - interval '100 days' where id = $1", [old.notificationId]);
  for (const [n, { client, inbox }] of [one, two].entries()) {
    const removed = await next(client, 'notification-removed');
    assert.deepEqual([removed.notificationId, removed.unreadCount], [old.notificationId, 1]);
    assert.ok(removed.version > (before[n] ?? 0), 'a badge goes by the version');
    assert.deepEqual([inbox.unread, inbox.list().map(([id]) => id).includes(old.notificationId)], [1, false]);
  }
});

stack.check('what is announced while everything is read stays unread', async () => {
  stack.mine();
  const { user, client, inbox } = await reader();
  const second = await stack.connect({ token: user.token, port: otherGateway?.port });
  const { notificationId: own } = await ok(client, 'notification-send', note({ title: 'Own' }));
  await until(() => inbox.unread === 1);
  const commits = await holdCommits(stack, 'notifications', own);
  const reading = ok(client, 'notification-read-all', {});
  await commits.reached();
  // What is read is decided, and not yet so.
  const announcing = ok(adminClient, 'notification-send', note({ title: 'Meanwhile', audience: { all: true } }));
  const isTold = () => all(second, 'new-notification', (told) => told.title === 'Meanwhile').length > 0;
  await until(async () => isTold()
    || (await stack.sql("select from pg_locks where not granted and locktype in ('transactionid', 'tuple')")).length > 0,
  { what: 'the announcement to be told, or to wait for what is read' });
  await commits.release();
  const [{ notificationId: announced }] = await Promise.all([announcing, reading]);
  await until(isTold);
  await next(second, 'notifications-read-all');
  await until(() => inbox.unread === 1 && inbox.list().length === 2);
  assert.deepEqual(new Map(inbox.list()), new Map([[own, true], [announced, false]]));
  assert.deepEqual(inbox.list(), (await stored(user.id)).sort(([a], [b]) => String(a).localeCompare(String(b))));
});

stack.check('messages that come while somebody is away are one notification for their room', async () => {
  const [away, here] = [await reader(), await reader()];
  const room = `direct:${here.user.id}:${away.user.id}`;
  const roomId = (await join(here.client, room)).roomId;
  await say(here.client, roomId, 'Halo');
  const first = await next(away.client, 'new-notification');
  assert.deepEqual([first.type, first.count, first.message, first.data.roomId, first.data.kind], ['MESSAGE', 1, 'Halo', roomId, 'messages-waiting']);
  const last = await say(here.client, roomId, 'Apa kabar?');
  const raised = await next(away.client, 'new-notification', (told) => told.count === 2);
  assert.deepEqual([raised.id, raised.message, raised.unread_count], [first.id, 'Apa kabar?', 1]);
  assert.equal(raised.title, `2 new messages, the latest from ${here.user.name}`);
  // Whoever has read the room has read what told of it.
  await join(away.client, roomId);
  await ok(away.client, 'mark-message-read', { messageId: last.id });
  const read = await next(away.client, 'notification-read');
  assert.deepEqual([read.notificationId, read.unreadCount], [first.id, 0]);
  assert.ok(read.version > raised.version, 'a badge goes by the version');
  assert.deepEqual([away.inbox.unread, away.inbox.version], [0, read.version]);
  // In the room nobody is told; out of it again, and by another tab only, they are.
  await say(here.client, roomId, 'Bagus');
  const elsewhere = await stack.connect({ token: away.user.token });
  await settled(elsewhere);
  await next(away.client, 'receive-message', (message) => message.message === 'Bagus');
  // Who is away is asked when a message is taken: before they go.
  await heard('messages-posted');
  away.client.close();
  await until(async () => (await stack.sql('select 1 from chat_room_sockets where user_id = $1', [away.user.id])).length === 0);
  await say(here.client, roomId, 'Sampai nanti');
  const second = await next(elsewhere, 'new-notification');
  assert.deepEqual([second.message, second.count], ['Sampai nanti', 1]);
  assert.notEqual(second.id, first.id);
  assert.deepEqual(all(here.client, 'new-notification'), [], 'nobody is told of their own messages');
});

stack.check('in an open room those who left are not told, and in a mentor\'s room they are', async () => {
  const [student, speaker] = [await reader(), await reader({ role: 'MENTOR' })];
  const [open, mentors] = [newRoom(), `mentor:${student.user.id}`];
  for (const room of [open, mentors]) {
    await join(student.client, room);
    await join(speaker.client, room);
    await ok(student.client, 'leave-room', { roomId: room });
    await say(speaker.client, room, `In ${room}`);
  }
  const told = await next(student.client, 'new-notification');
  assert.equal(told.data.roomId, mentors);
  await settled(student.client);
  assert.equal(all(student.client, 'new-notification').length, 1);
});

stack.check('during an exam what is not urgent waits, and the result comes with it', async () => {
  const exam = await newExam(stack, mentor, { questions: singles(3) });
  const { user, client } = await reader();
  const before = await ok(client, 'notification-list', {});
  await ok(client, 'join-exam', { examId: exam.id });
  await until(async () => (await stack.sql('select 1 from notification_inboxes where user_id = $1 and held_since is not null', [user.id])).length === 1);
  assert.ok((await ok(client, 'notification-list', {})).version > before.version, 'a badge goes by the version');
  await ok(mentorClient, 'notification-send', note({ userId: user.id, title: 'Later', priority: 'high' }));
  await ok(mentorClient, 'notification-send', note({ userId: user.id, title: 'Fire', priority: 'urgent' }));
  const urgent = await next(client, 'new-notification');
  assert.deepEqual([urgent.title, urgent.unread_count], ['Fire', 1]);
  assert.equal((await ok(client, 'notification-list', {})).notifications.length, 1);
  await ok(client, 'exam-complete', { examId: exam.id });
  const result = await next(client, 'new-notification', (told) => told.data?.kind === 'exam-graded');
  assert.deepEqual([result.type, result.data.examId, result.unread_count], ['EXAM_UPDATE', exam.id, 3]);
  await next(client, 'new-notification', (told) => told.title === 'Later');
});

stack.check('an exam\'s reminder comes at its moment, and after the exam was moved at the new one', async () => {
  const specialty = `Spesialis ${randomUUID()}`;
  const student = await reader({ claims: { specialty } });
  const undecided = await reader();
  const outsider = await reader({ claims: { specialty: 'Other' } });
  const exam = await newExam(stack, mentor, { specialty });
  /** @param {number} ms until five minutes before the exam */
  const schedule = async (ms) => {
    const at = Date.now() + ms;
    const answer = await api(stack, mentor, 'PUT', `/api/exams/${exam.id}/schedule`, { scheduledStart: new Date(at + 300_000).toISOString() });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return at;
  };
  await schedule(1_500);
  const due = await schedule(3_000);
  const versions = new Map([student, undecided].map(({ client, inbox }) => [client, inbox.version]));
  for (const { client } of [student, undecided]) {
    const told = await next(client, 'new-notification', (payload) => payload.data?.examId === exam.id);
    const late = Date.now() - due;
    assert.ok(late >= -50 && late < 2_000, `${late} ms after its moment`);
    assert.deepEqual([told.data.leadMinutes, told.priority, told.title], [5, 'high', 'Exam starts in 5 minutes']);
    assert.ok(told.version > (versions.get(client) ?? 0), 'a badge goes by the version');
  }
  await settled(outsider.client);
  assert.deepEqual(all(outsider.client, 'new-notification', (payload) => payload.data?.examId === exam.id), []);
  await settled(student.client);
  assert.equal(all(student.client, 'new-notification', (payload) => payload.data?.examId === exam.id).length, 1);
});

stack.check('whoever is passed on a board is told once a day', async () => {
  const specialty = `Spesialis ${randomUUID()}`;
  const exam = await newExam(stack, mentor, { specialty, questions: singles(5) });
  /** @param {number} right @param {import('./harness.mjs').User} [user] */
  const sit = async (right, user) => {
    const { client, user: who } = await sitter(stack, exam.id, { user });
    for (const [questionIndex, question] of exam.questions.entries()) {
      await ok(client, 'exam-answer', { examId: exam.id, questionIndex, answer: (question.key.correct + (questionIndex < right ? 0 : 1)) % 5 });
    }
    await ok(client, 'exam-complete', { examId: exam.id });
    await next(client, 'new-notification', (told) => told.data?.kind === 'exam-graded');
    return { client, user: who };
  };
  const passed = await sit(2);
  await until(async () => (await ok(passed.client, 'leaderboard-request', { specialty })).userRank?.rank === 1);
  await sit(4, stack.user({ name: 'Rizky' }));
  const told = await next(passed.client, 'new-notification', (payload) => payload.type === 'LEADERBOARD');
  assert.deepEqual([told.title, told.priority, told.data.kind], ['Rizky has passed you', 'low', 'overtaken']);
  await until(async () => (await ok(passed.client, 'leaderboard-request', { specialty })).userRank?.rank === 2);
  await sit(5);
  await until(async () => (await ok(passed.client, 'leaderboard-request', { specialty })).userRank?.rank === 3);
  await ok(passed.client, 'notification-send', note({ title: 'settled' }));
  await next(passed.client, 'new-notification', (payload) => payload.title === 'settled');
  assert.equal(all(passed.client, 'new-notification', (payload) => payload.type === 'LEADERBOARD').length, 1);
});

stack.check('a corrected key shows in the result, on the board and in what its student is told', async () => {
  stack.mine();
  const specialty = `Spesialis ${randomUUID()}`;
  const exam = await newExam(stack, mentor, { specialty, questions: [single(0), single(0), single(0)] });
  const watcher = await stack.connect({ token: stack.user().token, port: otherGateway?.port });
  await ok(watcher, 'leaderboard-request', { period: 'all_time', specialty });
  const scores = (/** @type {any} */ update) => update.entries.map((/** @type {any} */ entry) => [entry.user_id, entry.total_score]);
  /** @param {number[]} sheet */
  const sit = async (sheet) => {
    const { client, user } = await sitter(stack, exam.id);
    for (const [questionIndex, answer] of sheet.entries()) await ok(client, 'exam-answer', { examId: exam.id, questionIndex, answer });
    const { result } = await ok(client, 'exam-complete', { examId: exam.id });
    return { client, user, result };
  };
  /** @param {number} questionIndex @param {number} correct */
  const correct = async (questionIndex, correct) => {
    const { status, body } = await api(stack, mentor, 'POST', `/api/exams/${exam.id}/regrade`,
      { corrections: [{ questionIndex, key: { kind: 'single-choice', correct } }] });
    assert.equal(status, 200, JSON.stringify(body));
  };
  /** What a student has in every place. @param {any} who @param {number} score @param {number} keyVersion */
  const has = async ({ client, user }, score, keyVersion) => {
    const completed = await next(client, 'exam-completed', (told) => told.result.key_version === keyVersion);
    assert.deepEqual([completed.reason, completed.result.score], ['regraded', score]);
    const { body } = await api(stack, user, 'GET', `/api/exams/${exam.id}/my-result`);
    assert.deepEqual([body.score, body.key_version], [score, keyVersion]);
    const told = await next(client, 'new-notification', (one) => one.data?.kind === 'exam-regraded' && one.data.score === String(score));
    assert.deepEqual([told.title, told.message], ['Your result was corrected', `Tryout: ${score} of 3 points`]);
  };
  const ann = await sit([0, 0, 1]);
  const ben = await sit([0, 1, 1]);
  assert.deepEqual([ann.result.score, ben.result.score], [2, 1]);
  await next(watcher, 'leaderboard-updated', (update) => JSON.stringify(scores(update)) === JSON.stringify([[ann.user.id, 2], [ben.user.id, 1]]));
  // One loses a point, one gains one.
  await correct(1, 1);
  for (const [who, score] of /** @type {const} */ ([[ann, 1], [ben, 2]])) await has(who, score, 2);
  const updated = await next(watcher, 'leaderboard-updated', (update) => update.entries[0]?.user_id === ben.user.id);
  assert.deepEqual(scores(updated), [[ben.user.id, 2], [ann.user.id, 1]]);

  // Gradings of one result that come together, because something else is counted for long: it counts once, by the newest key.
  const other = await newExam(stack, mentor, { questions: singles(1) });
  const dan = await sitter(stack, other.id);
  const commits = await holdCommits(stack, 'leaderboard_results', dan.user.id);
  await ok(dan.client, 'exam-complete', { examId: other.id });
  await commits.reached();
  const cat = await sit([1, 1, 1]);
  assert.equal(cat.result.score, 1);
  await correct(0, 1);
  await has(cat, 2, 3);
  await correct(2, 1);
  await has(cat, 3, 4);
  await commits.release();
  const last = await next(watcher, 'leaderboard-updated', (update) => update.entries.length === 3, 20_000);
  assert.deepEqual(scores(last), [[cat.user.id, 3], [ben.user.id, 2], [ann.user.id, 1]]);
  const results = await stack.sql('select user_id, score_hundredths::int as score from leaderboard_results where exam_id = $1 order by score', [exam.id]);
  assert.deepEqual(results.map(({ user_id, score }) => [user_id, score]), [[ann.user.id, 100], [ben.user.id, 200], [cat.user.id, 300]]);
  const entries = await stack.sql('select exams_completed, total_hundredths::int as total from leaderboard_entries where user_id = $1', [cat.user.id]);
  assert.deepEqual(entries, Array(6).fill({ exams_completed: 1, total: 300 }));
});

stack.check('preferences: off is not seen, quiet hours make no sound, over socket and HTTP', async () => {
  const { user, client } = await reader();
  const second = await stack.connect({ token: user.token, port: otherGateway?.port });
  const initial = await ok(client, 'notification-preferences', {});
  assert.deepEqual(initial.preferences, Object.fromEntries(['EXAM_UPDATE', 'MESSAGE', 'LEADERBOARD', 'SYSTEM'].map((type) => [type, { enabled: true }])));
  await ok(client, 'notification-send', note({ type: 'MESSAGE', title: 'Seen' }));
  const seen = await next(client, 'new-notification', (payload) => payload.title === 'Seen');
  const changed = await ok(client, 'notification-preferences-set', { preferences: { MESSAGE: { enabled: false } } });
  assert.deepEqual([changed.unreadCount, changed.preferences.MESSAGE, changed.preferences.SYSTEM], [0, { enabled: false }, { enabled: true }]);
  assert.ok(changed.version > seen.version, 'a badge goes by the version');
  assert.deepEqual((await next(second, 'notification-preferences-changed')).unreadCount, 0);
  await ok(client, 'notification-send', note({ type: 'MESSAGE', title: 'Not seen' }));
  await ok(client, 'notification-send', note({ type: 'MESSAGE', title: 'Urgent', priority: 'urgent' }));
  const told = await next(second, 'new-notification', (payload) => payload.title !== 'Seen');
  assert.deepEqual([told.title, told.unread_count], ['Urgent', 1]);
  const quietHours = { from: '00:00', until: '23:59', timeZone: 'Asia/Jakarta' };
  const now = new Intl.DateTimeFormat('en-GB', { timeZone: 'Asia/Jakarta', hour: '2-digit', minute: '2-digit' }).format();
  if (now === '23:59') quietHours.from = '23:00';
  if (now === '23:59') quietHours.until = '01:00';
  const put = await api(stack, user, 'PUT', '/api/notifications/preferences', { preferences: { SYSTEM: { enabled: true, quietHours } } });
  assert.deepEqual([put.status, put.body.preferences.SYSTEM, put.body.preferences.MESSAGE], [200, { enabled: true, quietHours }, { enabled: false }]);
  await ok(client, 'notification-send', note({ title: 'Quiet' }));
  assert.equal((await next(second, 'new-notification', (payload) => payload.title === 'Quiet')).is_silent, true);
  await ok(adminClient, 'notification-send', note({ title: 'Quiet to all', audience: { all: true } }));
  assert.equal((await next(second, 'new-notification', (payload) => payload.title === 'Quiet to all')).is_silent, true);
  assert.deepEqual((await api(stack, user, 'GET', '/api/notifications/preferences')).body, { preferences: put.body.preferences });
  for (const [preferences, field] of /** @type {[any, string][]} */ ([
    [{ SYSTEM: { enabled: true, quietHours: { ...quietHours, timeZone: 'Mars/Olympus' } } }, 'preferences.SYSTEM.quietHours.timeZone'],
    [{ SYSTEM: { enabled: true, quietHours: { ...quietHours, from: '24:00' } } }, 'preferences.SYSTEM.quietHours.from'],
    [{ SYSTEM: {} }, 'preferences.SYSTEM.enabled'],
    [{ NEWS: { enabled: true } }, 'preferences.NEWS'],
  ])) {
    const error = await refusal(client, 'notification-preferences-set', { preferences }, 'request/invalid-payload');
    assert.equal(error.field, field);
  }
});

stack.check('a browser that is closed is pushed to, once, and one that is gone is forgotten', async () => {
  const { user, client } = await reader();
  const key = (await api(stack, user, 'GET', '/api/push/key')).body.publicKey;
  assert.equal(Buffer.from(key, 'base64url').length, 65);
  /** @param {unknown} body @param {string} [method] */
  const subscribe = (body, method = 'POST') => api(stack, user, method, '/api/push/subscriptions', body);
  assert.equal((await subscribe(push.subscription('/mine'))).status, 201);
  assert.equal((await subscribe(push.subscription('/mine'))).status, 201, 'again is the same');
  push.answers.set('/gone', { status: 410 });
  push.answers.set('/busy', { status: 503, headers: { 'retry-after': '1' } });
  for (const path of ['/gone', '/busy', '/unwanted']) assert.equal((await subscribe(push.subscription(path))).status, 201);
  assert.equal((await subscribe({ endpoint: push.subscription('/unwanted').endpoint }, 'DELETE')).status, 200);
  // While they are connected, they have it on their screen: it is put off, and dropped once it is read.
  const { notificationId } = await ok(mentorClient, 'notification-send', note({ userId: user.id, title: 'On the screen' }));
  const queued = (/** @type {string} */ more) => stack.sql(`select 1 from push_queue where ${more}`);
  await until(async () => (await queued(`due_at > now() + interval '30 seconds'`)).length === 3, { what: 'it to be put off' });
  assert.deepEqual(push.received, []);
  await ok(client, 'notification-read', { notificationId });
  await stack.sql('update push_queue set due_at = now()');
  await until(async () => (await queued('true')).length === 0, { what: 'the queue to be empty' });
  client.close();
  await until(async () => (await stack.sql('select 1 from online_users where user_id = $1 and disconnected_at is null', [user.id])).length === 0);
  const sent = await ok(mentorClient, 'notification-send', note({ userId: user.id, title: 'Pushed', message: 'é'.repeat(2_000), priority: 'high', actionUrl: '/exams/1' }));
  await ok(mentorClient, 'notification-send', note({ userId: user.id, title: 'Not worth it', priority: 'low' }));
  await until(() => push.received.length > 0, { what: 'a push' });
  await until(async () => (await stack.sql('select 1 from push_subscriptions where endpoint like \'%/gone\'')).length === 0, { what: 'the browser to be forgotten' });
  await until(() => (push.requests.get('/busy') ?? 0) >= 2, { what: 'another try' });
  push.answers.delete('/busy');
  await until(() => push.received.some((one) => one.path === '/busy'), { what: 'the push service to take it' });
  await until(async () => (await stack.sql('select 1 from push_queue')).length === 0, { what: 'the queue to be empty' });
  assert.deepEqual(push.received.map((one) => one.path).sort(), ['/busy', '/mine']);
  const [pushed] = push.received.filter((one) => one.path === '/mine');
  assert.deepEqual({ ...pushed?.payload, version: 0 }, {
    id: sent.notificationId, type: 'SYSTEM', priority: 'high', title: 'Pushed', message: 'é'.repeat(120), actionUrl: '/exams/1', unreadCount: pushed?.payload.unreadCount, version: 0,
  });
  assert.deepEqual([pushed?.key, pushed?.headers.urgency, pushed?.headers.ttl, pushed?.claims.sub], [key, 'high', '86400', 'mailto:operations@sinaesta.id']);
  assert.equal(push.requests.get('/unwanted'), undefined);
  for (const [body, code, field] of /** @type {[any, string, string][]} */ ([
    [{ ...push.subscription('/x'), endpoint: 'http://169.254.169.254/latest' }, 'push/endpoint-not-allowed', 'endpoint'],
    [{ ...push.subscription('/x'), endpoint: 'http://127.0.0.1:1/' }, 'push/endpoint-not-allowed', 'endpoint'],
    [{ ...push.subscription('/x'), keys: { ...push.subscription('/x').keys, auth: 'AAAA' } }, 'push/invalid-keys', 'keys.auth'],
    [{ ...push.subscription('/x'), keys: { ...push.subscription('/x').keys, p256dh: 'AAAA' } }, 'push/invalid-keys', 'keys.p256dh'],
    [{ endpoint: push.origin }, 'request/invalid-payload', 'keys'],
  ])) {
    const answer = await subscribe(body);
    assert.deepEqual([answer.status, answer.body.error.code, answer.body.error.field], [400, code, field]);
  }
  assert.equal((await api(stack, null, 'GET', '/api/push/key')).status, 401);
}, { timeout: 60_000 });

/** A way to the broker that can be cut. */
async function wayToBroker() {
  const broker = new URL(stack.infra().nats.url);
  /** @type {Set<net.Socket>} */
  const open = new Set();
  let isCut = false;
  const server = net.createServer((near) => {
    const far = net.connect(Number(broker.port), broker.hostname);
    for (const [one, other] of /** @type {const} */ ([[near, far], [far, near]])) {
      open.add(one);
      one.pipe(other);
      one.on('error', () => {});
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
    if (isCut) near.destroy();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(null)));
  return {
    url: `nats://127.0.0.1:${/** @type {net.AddressInfo} */ (server.address()).port}`,
    cut() {
      isCut = true;
      for (const socket of open) socket.destroy();
    },
    mend: () => (isCut = false),
    close: () => server.close(),
  };
}

stack.check('what came while a gateway did not hear the broker is told as soon as it does: a room\'s last message, and the badge', async () => {
  stack.mine();
  const way = await wayToBroker();
  const gateway = await stack.addService('gateway', { SINAESTA__NATS__URL: way.url });
  try {
    const [{ user, client, inbox }, speaker] = [await reader({ port: gateway.port }), await reader()];
    const roomId = newRoom();
    await join(client, roomId);
    await join(speaker.client, roomId);
    await say(speaker.client, roomId, 'heard');
    await next(client, 'receive-message');
    way.cut();
    const last = await say(speaker.client, roomId, 'not heard');
    await ok(mentorClient, 'notification-send', note({ userId: user.id }));
    assert.deepEqual([all(client, 'receive-message').length, inbox.unread], [1, 0]);
    way.mend();
    // Nothing comes behind it.
    assert.deepEqual(await next(client, 'receive-message'), last);
    await until(() => inbox.unread === 1, { what: 'the badge' });
  } finally {
    await gateway.stop();
    way.close();
  }
});

stack.check('a client without a bell is not bothered by a service that is away', async () => {
  const [first, second] = stack.bells;
  assert.ok(first && second);
  await Promise.all([first.stop(), second.stop()]);
  const user = stack.user();
  const client = await stack.connect({ token: user.token });
  await settled(client);
  await join(client, newRoom());
  const error = (await emitAck(client, 'notification-list', {})).error;
  assert.equal(error.code, 'server/unavailable');
  await first.start();
  // Its inbox comes as soon as there is one to be had.
  assert.deepEqual((await next(client, 'notifications-snapshot')).notifications, []);
  await second.start();
});
