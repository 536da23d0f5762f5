/**
 * While a release is replaced, its processes and those of the next one talk to each other: what the one before says is
 * understood. The samples are of real traffic, see recorder.mjs.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect as connectNats, headers } from '@nats-io/transport-node';

import { startStack, until } from './harness.mjs';

const stack = await startStack({ exams: [{}], boards: [{}], bells: [{}] });

for (const release of ['0.1.0']) {
  /** @type {Record<string, unknown>} */
  const samples = JSON.parse(readFileSync(new URL(`data/contract-${release}.json`, import.meta.url), 'utf8'));
  const ofKind = (/** @type {string} */ kind) => Object.entries(samples).filter(([subject]) => subject.startsWith(`${kind}.`));

  stack.check(`what ${release} says is understood`, async () => {
    assert.ok(ofKind('cmd').length > 40 && ofKind('query').length > 20 && ofKind('event').length > 6, 'there are samples of everything');
    const nats = await connectNats(stack.broker());
    const js = jetstream(nats);
    const manager = await jetstreamManager(nats);
    for (const [subject, sample] of ofKind('query')) {
      const reply = await nats.request(subject, JSON.stringify(sample), { timeout: 10_000 });
      const answer = /** @type {any} */ (reply.json());
      assert.notEqual(answer.error?.code, 'request/invalid-payload', `${subject}: ${JSON.stringify(answer.error)}`);
    }
    for (const [subject, sample] of ofKind('cmd')) {
      const sent = headers();
      sent.set('Sinaesta-Key', 'compatibility');
      await js.publish(`${subject}.0`, JSON.stringify(sample), { msgID: randomUUID(), headers: sent });
    }
    for (const [subject, sample] of ofKind('event')) await js.publish(subject, JSON.stringify(sample), { msgID: randomUUID() });
    for (const service of ['chat', 'exam-grading', 'leaderboard', 'notification']) {
      await until(async () => (await manager.streams.info(`COMMANDS-${service}`)).state.messages === 0, {
        timeout: 20_000, every: 100, what: `${service} to take its commands` });
    }
    await until(async () => {
      for await (const consumer of manager.consumers.list('EVENTS')) if (consumer.num_pending + consumer.num_ack_pending > 0) return false;
      return true;
    }, { timeout: 20_000, every: 100, what: 'the events to be heard' });
    const unread = [];
    const { state } = await manager.streams.info('DEAD_LETTERS');
    for (let seq = state.first_seq; state.messages > 0 && seq <= state.last_seq; seq += 1) {
      const letter = await manager.streams.getMessage('DEAD_LETTERS', { seq });
      if (!letter) continue;
      unread.push(`${letter.header.get('Sinaesta-Subject')}: ${letter.header.get('Sinaesta-Reason')}`);
    }
    // A sample may name what this stack does not have; that is refused, and is no dead letter.
    assert.deepEqual(unread, []);
    await nats.close();
  });
}
