/** Commands that nobody can use are put aside with a reason, and hold nobody up. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect as connectNats } from '@nats-io/transport-node';

import { all, join, newRoom, next, ok, refusal, say, startStack, until } from './harness.mjs';

const stack = await startStack();
const { check } = stack;
const PARTITIONS = Array.from({ length: 12 }, (_, n) => n);

/** @param {(nats: import('@nats-io/transport-node').NatsConnection) => Promise<void>} body */
async function withNats(body) {
  const nats = await connectNats(stack.broker());
  try {
    await body(nats);
  } finally {
    await nats.close();
  }
}

const actor = { userId: randomUUID(), name: 'Mallory', role: 'STUDENT' };

const POISON = /** @type {Record<string, { name?: string, body: string | Uint8Array, withId?: boolean }>} */ ({
  'garbage bytes': { body: new Uint8Array([0xff, 0xfe, 0, 1, 2]) },
  'an empty body': { body: '' },
  'JSON that breaks off': { body: '{"actor":{' },
  'JSON of another shape': { body: '{"hello":"world"}' },
  'an envelope whose body has the wrong types': { body: JSON.stringify({ actor, body: { roomId: 7, message: [] } }) },
  'a room id that does not exist as one': { body: JSON.stringify({ actor, body: { roomId: 'a.b *', message: 'x' } }) },
  'a NUL character': { body: JSON.stringify({ actor, body: { roomId: 'room-1', message: 'a\u0000b' } }) },
  'a good command without an id': {
    withId: false, body: JSON.stringify({ actor, body: { roomId: 'room-1', message: 'x', messageType: 'text' } }),
  },
  'a command nobody knows': { name: 'no-such-command-v1', body: JSON.stringify({ actor, body: {} }) },
});

for (const [what, { name = 'send-message-v1', body, withId = true }] of Object.entries(POISON)) {
  check(`${what} on the stream is dead-lettered with its reason, and those behind it are served`, async () => {
    await withNats(async (nats) => {
      const js = jetstream(nats);
      const manager = await jetstreamManager(nats);
      const count = async () =>
        (await manager.streams.info('DEAD_LETTERS', { subjects_filter: 'dead.chat' })).state.subjects?.['dead.chat'] ?? 0;
      const before = await count();

      const client = await stack.connect({ token: stack.user().token });
      const rooms = Array.from({ length: 24 }, () => newRoom());
      for (const roomId of rooms) await join(client, roomId);
      await Promise.all(PARTITIONS.map((partition) => 
        js.publish(`cmd.chat.${name}.${partition}`, body, withId ? { msgID: randomUUID() } : {})));
      await Promise.all(rooms.map((roomId) => say(client, roomId, 'behind it')));
      for (const roomId of rooms) await next(client, 'receive-message', (m) => m.room_id === roomId && m.seq === 1);

      await until(async () => (await count()) >= before + PARTITIONS.length, {
        timeout: 15_000, every: 100, what: () => `${PARTITIONS.length} dead letters`,
      });
      const letter = await manager.streams.getMessage('DEAD_LETTERS', { last_by_subj: 'dead.chat' });
      assert.ok(letter);
      assert.ok(letter.header.get('Sinaesta-Reason'), 'the reason stands in a header');
      assert.match(letter.header.get('Sinaesta-Subject'), new RegExp(`^cmd\\.chat\\.${name}\\.\\d+$`));
      assert.deepEqual(Buffer.from(letter.data), Buffer.from(body), 'the letter holds what was sent');
      assert.equal(await count(), before + PARTITIONS.length, 'each is put aside once');
      // A work queue: nothing is left in it to be tried again and again.
      await until(async () => (await manager.streams.info('COMMANDS-chat')).state.messages === 0, {
        timeout: 15_000, every: 100, what: 'the queue to be empty',
      });
    });
  });
}

check('a command that is well-formed but not allowed is refused, not dead-lettered', async () => {
  await withNats(async (nats) => {
    const manager = await jetstreamManager(nats);
    const before = (await manager.streams.info('DEAD_LETTERS')).state.messages;
    const client = await stack.connect({ token: stack.user().token });
    await refusal(client, 'send-message', { roomId: `direct:${randomUUID()}:${randomUUID()}`, message: 'x' }, 'chat/room-forbidden');
    assert.equal((await manager.streams.info('DEAD_LETTERS')).state.messages, before);
  });
});

check('garbage published as a delivery or a signal disturbs no socket', async () => {
  await withNats(async (nats) => {
    const client = await stack.connect({ token: stack.user().token });
    const roomId = newRoom();
    await join(client, roomId);
    await say(client, roomId, 'before');
    for (const subject of [`signal.room.${roomId}`, 'signal.typing-v1', 'signal.gateway-alive-v1', `live.room.${roomId}`,
      'query.chat.message-history-v1', 'query.chat.missed-messages-v1']) {
      nats.publish(subject, 'garbage');
      nats.publish(subject, '{"valid":"json"}');
      nats.publish(subject);
    }
    await nats.flush();
    await say(client, roomId, 'after');
    await next(client, 'receive-message', (m) => m.message === 'after');
    assert.deepEqual(all(client, 'receive-message').map((m) => m.seq), [1, 2]);
    await ok(client, 'message-history', { roomId });
  });
});
