/** What operators do with `sinaesta-ops`. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';

import { jetstream } from '@nats-io/jetstream';
import { connect as connectNats } from '@nats-io/transport-node';

import { join, newRoom, say, startStack, until } from './harness.mjs';
import { opsTool } from './ops-tool.mjs';

const stack = await startStack({ chats: [{}, {}] });
const ops = opsTool(stack);

/** The numbers of the dead letters. */
const letters = async () => (await ops('dead-letters', 'list')).split('\n').flatMap((line) => /^ *(\d+)  \d{4}-/.exec(line)?.[1] ?? []);

stack.check('streams, and who owns which partition', async () => {
  const streams = await ops('streams');
  for (const name of ['COMMANDS-chat', 'COMMANDS-exam-grading', 'EVENTS', 'DELIVERIES', 'DEAD_LETTERS']) assert.match(streams, new RegExp(`^${name} `, 'm'));
  await until(async () => {
    const chat = (await ops('partitions')).split('\n').filter((line) => line.startsWith('chat '));
    const owners = chat.map((line) => line.split(/\s+/)[2]);
    return chat.length === 12 && !owners.includes('nobody') && new Set(owners).size === 2;
  }, { every: 200, what: 'twelve partitions, shared by two' });
});

stack.check('dead letters are listed with their reasons, resent, and removed', async () => {
  stack.mine();
  const nats = await connectNats(stack.broker());
  const id = randomUUID();
  await jetstream(nats).publish('cmd.chat.send-message-v1.4', '{"hello":"world"}', { msgID: id });
  await nats.close();
  await until(async () => (await letters()).length === 1, { every: 100, what: 'a dead letter' });
  const [first] = await letters();
  assert.ok(first);
  assert.match(await ops('dead-letters', 'list', '--service', 'chat'), /cmd\.chat\.send-message-v1\.4 +missing field/);
  assert.equal((await ops('dead-letters', 'list', '--service', 'leaderboard')).trim().split('\n').at(-1), '0 dead letters');
  assert.match(await ops('dead-letters', 'show', first), /\{"hello":"world"\}/);
  // It is as it was: taken again, and put aside again under another number.
  assert.match(await ops('dead-letters', 'resend', first), /is resent to cmd\.chat\.send-message-v1\.4/);
  await until(async () => {
    const now = await letters();
    return now.length === 1 && now[0] !== first;
  }, { every: 100, what: 'it to come back' });
  await assert.rejects(ops('dead-letters', 'remove', first), /there is no dead letter/);
  await ops('dead-letters', 'remove', '--all');
  assert.deepEqual(await letters(), []);
});

stack.check('old months of messages are written into files and removed; newer ones stay', async () => {
  stack.mine();
  const client = await stack.connect({ token: stack.user().token });
  const roomId = newRoom();
  await join(client, roomId);
  await say(client, roomId, 'of today');
  // What was said long ago, with all that makes a CSV file difficult.
  const odd = 'two\nlines, "quotes", and; ünïcode 🩺';
  for (const month of ['2024-11', '2024-12', '2025-01']) {
    await stack.sql('select chat_messages_make_month($1)', [`${month}-10T00:00:00Z`]);
    await stack.sql(
      `insert into chat_messages (id, room_id, seq, sender_id, sender_name, message, message_type, created_at)
       select (left(first_id($1)::text, 14) || '7000-8000-' || lpad(n::text, 12, '0'))::uuid, $2, 1000 + n, gen_random_uuid(), 'x', $3, 'text', $1
         from generate_series(1, 50) n`, [`${month}-10T00:00:00Z`, `${roomId}-${month}`, odd]);
  }
  const [message] = await stack.sql('select id from chat_messages where room_id = $1 limit 1', [`${roomId}-2024-11`]);
  await stack.sql("insert into chat_reactions (message_id, user_id, emoji, at) values ($1, gen_random_uuid(), '👍', now())", [message.id]);
  const folder = path.join(stack.data, 'archive');
  assert.match(await ops('archive', '--before', '2025-01', '--out', folder, '--keep'), /50 messages, kept in the database/);
  assert.match(await ops('archive', '--before', '2025-01', '--out', folder), /50 messages, removed from the database/);
  assert.deepEqual((await readdir(folder)).sort(), ['chat_messages_2024_11.csv', 'chat_messages_2024_12.csv']);
  const text = await readFile(path.join(folder, 'chat_messages_2024_11.csv'), 'utf8');
  assert.equal(text.split(odd.replaceAll('"', '""')).length - 1, 50);
  const [row] = await stack.sql(
    `select (select count(*)::int from chat_messages where room_id like $1 || '-2024%') as old, (select count(*)::int from chat_messages where room_id = $1 || '-2025-01') as newer,
            (select count(*)::int from chat_messages where room_id = $1) as today, (select count(*)::int from chat_reactions where message_id = $2) as reactions`,
    [roomId, message.id]);
  assert.deepEqual(row, { old: 0, newer: 50, today: 1, reactions: 0 });
  await say(client, roomId, 'and on it goes');
  await assert.rejects(ops('archive', '--before', 'yesterday', '--out', folder), /is no month/);
});
