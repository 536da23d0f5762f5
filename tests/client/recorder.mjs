/**
 * Keeps one sample of every kind of command, query and event that the tests make: with SINAESTA_RECORD set to a file's name, each
 * file of tests adds what it sees. Done once for each release, before it; `compatibility.test.mjs` sends them to the next one.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { after } from 'node:test';

import { connect as connectNats } from '@nats-io/transport-node';

/** @param {string} file @param {import('@nats-io/transport-node').ConnectionOptions} broker */
export async function record(file, broker) {
  const nats = await connectNats({ ...broker, reconnect: true, maxReconnectAttempts: -1 });
  /** @type {Record<string, unknown>} */
  const samples = {};
  for (const subject of ['cmd.>', 'query.>', 'event.>']) {
    nats.subscribe(subject, {
      callback: (error, message) => {
        if (error) return;
        // A command's last token is its partition.
        const kind = message.subject.startsWith('cmd.') ? message.subject.replace(/\.\d+$/, '') : message.subject;
        try {
          const sample = /** @type {any} */ (message.json());
          // Some tests send what is no message of ours.
          if (kind.startsWith('event.') ? typeof sample !== 'object' : !sample.actor?.user_id || !sample.body) return;
          const size = (/** @type {unknown} */ value) => JSON.stringify(value)?.length ?? 0;
          // The fullest one, within reason.
          if (size(sample) < 4_000 && size(sample) > size(samples[kind])) samples[kind] = sample;
        } catch {
          // Some tests send what can't be read.
        }
      },
    });
  }
  after(async () => {
    await nats.close();
    const known = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
    const all = Object.entries({ ...samples, ...known }).sort(([a], [b]) => (a < b ? -1 : 1));
    writeFileSync(file, `${JSON.stringify(Object.fromEntries(all), null, 1)}\n`);
  });
}
