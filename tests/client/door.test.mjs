/**
 * What somebody who has not signed in, or who speaks the transport by hand, can do to the gateway: each attack meets its bound,
 * others sign in and talk meanwhile, and its memory is given back.
 *
 * The control of each test: the setting that it names, raised.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';

import WebSocket from 'ws';

import { connected, disconnected, emitAck, join, mint, newRoom, next, ok, refusal, request, say, settled, startStack, until } from './harness.mjs';

const MIB = 1024 * 1024;
/** Around five attackers and a bystander share one process here, and the machine with others. */
const SOON_MS = 1_000;

const stack = await startStack({
  gateways: [
    // Everybody comes from one address here: the harness raises what one address may do.
    // Slow readers are kept for as long as the test writes: after the ping timeout they would be disconnected.
    { SINAESTA__GATEWAY__PING_TIMEOUT_MS: '120000' },
    // Believes that this machine forwards for others, and takes little from each of them.
    {
      SINAESTA__GATEWAY__TRUSTED_PROXIES: '127.0.0.0/8,::1',
      SINAESTA__GATEWAY__ADDRESS_OPENS_PER_MINUTE: '60',
      SINAESTA__GATEWAY__ADDRESS_SESSIONS: '10',
      // Sessions end soon enough for a test to see it, and not before a busy machine has signed somebody in.
      SINAESTA__GATEWAY__CONNECT_TIMEOUT_MS: '5000',
    },
    // Takes few connections, and waits for nobody.
    {
      SINAESTA__GATEWAY__ADDRESS_CONNECTIONS: '20',
      SINAESTA__GATEWAY__HEADER_TIMEOUT_MS: '1500',
      SINAESTA__GATEWAY__BODY_GRACE_MS: '1000',
      SINAESTA__GATEWAY__MIN_BODY_BYTES_PER_S: '10000',
    },
    // Has room for little.
    { SINAESTA__GATEWAY__SOCKET_BUFFER_BYTES: '65536' },
    // As it is by default, but that a test sees the end of those who don't sign in.
    {
      SINAESTA__GATEWAY__ADDRESS_OPENS_PER_MINUTE: '6000',
      SINAESTA__GATEWAY__ADDRESS_SESSIONS: '2048',
      SINAESTA__GATEWAY__ADDRESS_CONNECTIONS: '4096',
      SINAESTA__GATEWAY__CONNECT_TIMEOUT_MS: '8000',
    },
  ],
});
const { check } = stack;
const [gateway, proxied, few, small, usual] = stack.gateways;
assert.ok(gateway && proxied && few && small && usual);

// ── By hand ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const POLLING = '/socket.io/?EIO=4&transport=polling';

/** @param {{ url: string }} of @param {Record<string, string>} [headers] */
async function openPolling({ url }, headers = {}) {
  const answer = await request(`${url}${POLLING}`, { headers });
  return { ...answer, sid: answer.status === 200 ? JSON.parse(answer.text.slice(1)).sid : undefined };
}

/** @param {{ url: string }} of @param {string} sid @param {string} body */
function post({ url }, sid, body) {
  const sent = request(`${url}${POLLING}&sid=${sid}`, { method: 'POST', body, headers: { 'content-type': 'text/plain;charset=UTF-8' } });
  return sent.catch((error) => ({ status: 0, text: String(error.code), headers: {} }));
}

/** @param {{ url: string }} of @param {string} sid */
const poll = ({ url }, sid) => request(`${url}${POLLING}&sid=${sid}`);

/** A polling session in which somebody has signed in. @param {{ url: string }} of */
async function signedInPolling(of) {
  const { sid } = await openPolling(of);
  assert.equal((await post(of, sid, `40${JSON.stringify({ token: stack.user().token })}`)).status, 200);
  const { text } = await poll(of, sid);
  assert.match(text, /^40\{/);
  return sid;
}

/** A WebSocket that speaks Engine.IO by hand. @param {{ port: number }} of @param {Record<string, string>} [headers] */
async function openRaw({ port }, headers = {}) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`, { headers, perMessageDeflate: false });
  const raw = { socket, frames: /** @type {string[]} */ ([]), isClosed: false, status: 0 };
  socket.on('message', (data) => {
    const text = data.toString();
    raw.frames.push(text);
    if (text === '2') socket.send('3');
  });
  socket.on('close', () => (raw.isClosed = true));
  socket.on('error', () => {});
  socket.on('unexpected-response', (_, response) => {
    raw.status = response.statusCode ?? 0;
    raw.isClosed = true;
    response.destroy();
  });
  await until(() => raw.isClosed || raw.frames.some((frame) => frame.startsWith('0{')), { what: 'the Engine.IO handshake' });
  return raw;
}

/** @param {Awaited<ReturnType<typeof openRaw>>} raw @param {string} start */
const frame = (raw, start) => until(() => raw.frames.find((each) => each.startsWith(start)), {
  what: () => `${start}; got ${JSON.stringify(raw.frames).slice(0, 300)}, ${raw.isClosed ? 'closed' : 'open'}`,
});

/** @param {Awaited<ReturnType<typeof openRaw>>} raw */
const ended = (raw, timeout = 10_000) => until(() => raw.isClosed, { what: () => `the end of a connection that got ${JSON.stringify(raw.frames).slice(0, 300)}`, timeout });

/** @param {{ port: number }} of */
async function signedInRaw(of, { token } = stack.user()) {
  const raw = await openRaw(of);
  raw.socket.send(`40${JSON.stringify({ token })}`);
  await frame(raw, '40{');
  return raw;
}

/** What the gateway's process keeps in memory, in bytes. @param {{ pid?: number | undefined }} of */
function memory(of) {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${of.pid}/status`, 'utf8'));
  return Number(line?.[1]) * 1024;
}

/** Somebody new signs in, and talks to somebody who is there. @returns how long that took, in ms @param {{ port: number }} of */
async function bystander(of) {
  const began = performance.now();
  const roomId = newRoom();
  const [one, other] = await Promise.all([0, 1].map(() => stack.connect({ token: stack.user().token, port: of.port })));
  assert.ok(one && other);
  await join(one, roomId);
  await join(other, roomId);
  await say(one, roomId, 'K+ <3.5 mmol/l');
  await next(other, 'receive-message');
  for (const client of [one, other]) client.close();
  return performance.now() - began;
}

/**
 * Does something over and over, some side by side, until bystanders have come and gone for some time.
 *
 * @param {{ port: number, pid?: number | undefined }} of
 * @param {() => Promise<unknown>} once
 * @returns {Promise<{ times: number, grew: number }>} how often it was done, and by how many bytes the gateway grew at most
 */
async function attack(of, once, { sideBySide = 4, ms = 4_000 } = {}) {
  const usualMs = Math.max(await bystander(of), await bystander(of));
  const before = memory(of);
  let [times, most, isOver] = [0, before, false];
  const attackers = Promise.all(Array.from({ length: sideBySide }, async () => {
    while (!isOver) {
      await once();
      times += 1;
      most = Math.max(most, memory(of));
      // Those who share this process get their turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }));
  const until = Date.now() + ms;
  const took = [];
  try {
    while (Date.now() < until) took.push(await bystander(of));
  } finally {
    isOver = true;
    await attackers;
  }
  const slowest = Math.max(...took);
  assert.ok(slowest < usualMs + SOON_MS, `signing in and talking took ${Math.round(slowest)} ms, and ${Math.round(usualMs)} ms before`);
  assert.ok(times > 0);
  return { times, grew: Math.max(most, memory(of)) - before };
}

// ── Payloads ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** @param {number} n @param {string} packet */
const packets = (n, packet) => Array(n).fill(packet).join('\x1e');

check('a polling body has a hundred packets at most', async () => {
  const sid = await signedInPolling(gateway);
  assert.equal((await post(gateway, sid, packets(100, '42["x"]'))).status, 200);
  const { text } = await poll(gateway, sid);
  assert.equal(text.split('\x1e').filter((each) => each.includes('request/unknown-event')).length, 100);
  assert.equal((await post(gateway, sid, packets(101, '42["x"]'))).status, 400);
  assert.equal((await poll(gateway, sid)).status, 400, 'the session is closed');
});

// The control: `gateway.max_payload_packets` at 1000000.
check('a megabyte of small packets keeps nobody waiting', async () => {
  const body = packets(MIB / 8, '42["x"]');
  const { grew } = await attack(gateway, async () => {
    const sid = await signedInPolling(gateway);
    const { status } = await post(gateway, sid, body.slice(0, MIB - 7));
    assert.notEqual(status, 200);
  });
  assert.ok(grew < 100 * MIB, `${grew / MIB} MiB`);
});

// ── Connecting ────────────────────────────────────────────────────────────────────────────────────────────────────────

// The control: without `max_connects` in the library's settings.
check('a session connects once', async () => {
  const { token } = stack.user();
  for (const packet of [`40${JSON.stringify({ token })}`, '40{"token":"x"}', '40', '40/elsewhere,']) {
    const raw = await signedInRaw(gateway, { ...stack.user(), token });
    for (let n = 0; n < 2; n += 1) raw.socket.send(packet);
    await ended(raw);
  }
  const refusedRaw = await openRaw(gateway);
  refusedRaw.socket.send('40{"token":"x"}');
  assert.match(await frame(refusedRaw, '44'), /"data":\{"code":"auth\/invalid-token"\}/);
  refusedRaw.socket.send(`40${JSON.stringify({ token })}`);
  await ended(refusedRaw);
});

// The control: `gateway.max_unsigned_bytes` and `max_payload_packets` at 1000000.
check('bodies full of connect packets cost nothing', async () => {
  const bodies = [packets(300_000, '40'), packets(240_000, '40/'), packets(5_000, '40'), packets(90, '40/')];
  let n = 0;
  const { grew } = await attack(gateway, async () => {
    const { sid } = await openPolling(gateway);
    await post(gateway, sid, /** @type {string} */ (bodies[n++ % bodies.length]));
    assert.equal((await poll(gateway, sid)).status, 400, 'the session is closed');
  });
  assert.ok(grew < 100 * MIB, `${grew / MIB} MiB`);
});

// The control: `gateway.max_unsigned_bytes` at 1000000.
check('who has not signed in sends 16 KiB at most, in whatever way', async () => {
  const { sid } = await openPolling(gateway);
  assert.equal((await post(gateway, sid, `40{"token":"${'x'.repeat(20_000)}"}`)).status, 413);

  const raw = await openRaw(gateway);
  raw.socket.send(`40{"token":"${'x'.repeat(20_000)}"}`);
  await ended(raw);

  // In one message that has no end.
  const endless = await openRaw(gateway);
  for (let n = 0; n < 10; n += 1) endless.socket.send('x'.repeat(2_000), { fin: false });
  await ended(endless);

  // A long token is no attack.
  const long = stack.user({ claims: { name: 'x'.repeat(200), avatar: `https://files.sinaesta.id/${'x'.repeat(1_900)}`, more: 'x'.repeat(6_000) } });
  await settled(await stack.connect({ token: long.token, port: gateway.port }));
  await settled(await stack.connect({ token: long.token, port: gateway.port, transports: ['polling'] }));
});

// ── Attachments ───────────────────────────────────────────────────────────────────────────────────────────────────────

// The control: without `discard_attachments` in the library's settings.
check('an event with attachments is refused before they come, and they are not kept', async () => {
  const raw = await signedInRaw(gateway);
  raw.socket.send('451-7["send-message",{"_placeholder":true,"num":0}]');
  assert.match(await frame(raw, '437['), /"code":"request\/binary-not-accepted"/);
  raw.socket.send(Buffer.alloc(1_000));
  raw.socket.send('428["heartbeat"]');
  await frame(raw, '438[');

  const before = await openRaw(gateway);
  before.socket.send('451-["send-message",{"_placeholder":true,"num":0}]');
  await ended(before);
});

// The control: the same; 332 MiB.
check('attachments that never end cost nothing', async () => {
  const part = Buffer.alloc(MIB - 100);
  /** @type {Awaited<ReturnType<typeof openRaw>>[]} */
  const open = [];
  const { grew } = await attack(gateway, async () => {
    const raw = await (open.length % 2 ? signedInRaw(gateway) : openRaw(gateway));
    open.push(raw);
    raw.socket.send('4510-["x",{"_placeholder":true,"num":0}]');
    for (let n = 0; n < 9 && !raw.isClosed; n += 1) await new Promise((resolve) => raw.socket.send(part, resolve));
  }, { sideBySide: 2 });
  for (const raw of open) raw.socket.terminate();
  assert.ok(grew < 100 * MIB, `${grew / MIB} MiB`);
});

// ── Sessions and tokens ───────────────────────────────────────────────────────────────────────────────────────────────

// The control: `gateway.address_opens_per_minute` at 200.
check('three hundred who come at once from one address all get in', async () => {
  const began = performance.now();
  const clients = await Promise.all(Array.from({ length: 300 }, (_, n) =>
    stack.connect({ token: stack.user().token, port: usual.port, ...(n % 3 ? {} : { transports: ['websocket'] }) })));
  const took = performance.now() - began;
  assert.equal(clients.filter(({ socket }) => socket.connected).length, 300);
  // At 2,000 in a minute they would take nine seconds.
  assert.ok(took < 9_000, `${Math.round(took)} ms`);
}, { timeout: 30_000 });

// The control: `gateway.address_sessions` at 100000: all of them are opened.
check('sessions in which nobody signs in are few, and their memory is given back', async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 50 });
  /** Opens as many as it can. */
  const flood = async (/** @type {number} */ count) => {
    const statuses = { 200: 0, 429: 0 };
    await Promise.all(Array.from({ length: 50 }, async () => {
      while (count > 0) {
        count -= 1;
        const status = await new Promise((resolve, reject) => {
          http.get(`${usual.url}${POLLING}`, { agent }, (response) => {
            response.resume().on('end', () => resolve(response.statusCode));
            if (response.statusCode === 429) assert.ok(Number(response.headers['retry-after']) >= 1);
          }).on('error', reject);
        });
        statuses[/** @type {200 | 429} */ (status)] += 1;
      }
    }));
    return statuses;
  };
  const before = memory(usual);
  const first = await flood(4_000);
  assert.ok(first[429] > 0 && first[200] <= 2_048 + 200, JSON.stringify(first));
  assert.ok(memory(usual) - before < 100 * MIB, `${(memory(usual) - before) / MIB} MiB`);
  assert.match((await request(`${usual.healthUrl}/metrics`)).text, /gateway_turned_away_total\{[^}]*limit="address_sessions"/);
  // Once they have not signed in for too long there is room again, and the next ones take the same memory.
  await until(async () => (await openPolling(usual)).status === 200, { what: 'room for a session', timeout: 20_000 });
  await bystander(usual);
  const peak = memory(usual);
  await until(async () => (await flood(1))[200] === 1, { what: 'room for sessions', timeout: 20_000 });
  await flood(1_500);
  assert.ok(memory(usual) - peak < 20 * MIB, `${(memory(usual) - peak) / MIB} MiB more than the first time`);
  agent.destroy();
});

check('each address has its own share, as the trusted proxy says', async () => {
  const from = (/** @type {string} */ address) => openPolling(proxied, { 'x-forwarded-for': `198.51.100.200, ${address}` });
  for (let n = 0; n < 10; n += 1) assert.equal((await from('203.0.113.1')).status, 200);
  const refusedOne = await from('203.0.113.1');
  assert.equal(refusedOne.status, 429);
  assert.equal(refusedOne.headers['retry-after'], '1');
  assert.equal(JSON.parse(refusedOne.text).error.code, 'request/rate-limited');
  assert.equal((await openRaw(proxied, { 'x-forwarded-for': '203.0.113.1' })).status, 429);
  assert.equal((await from('203.0.113.2')).status, 200);
  // What a client itself says is believed by nobody.
  const lying = await openPolling(proxied, { 'x-forwarded-for': '203.0.113.2, 203.0.113.1' });
  assert.equal(lying.status, 429);
  await until(async () => (await from('203.0.113.1')).status === 200, { what: 'room for a session again', timeout: 20_000 });
});

check('who has signed in takes no share of the address', async () => {
  const address = { 'x-forwarded-for': '203.0.113.3' };
  const { token } = stack.user();
  const clients = [];
  for (let n = 0; n < 15; n += 1) {
    const transports = n % 2 ? ['polling'] : ['polling', 'websocket'];
    clients.push(await stack.connect({ token, port: proxied.port, extraHeaders: address, transports }));
  }
  for (const client of clients) await settled(client);
});

// The control: `gateway.address_opens_per_minute` at 100000.
check('tokens can be tried so many times a minute, and only from one address fewer', async () => {
  const address = { 'x-forwarded-for': '203.0.113.4' };
  let [tried, isOver] = [0, false];
  await Promise.all(Array.from({ length: 5 }, async () => {
    while (!isOver) {
      const raw = await openRaw(proxied, address);
      if (raw.status === 429) return void (isOver = true);
      raw.socket.send(`40${JSON.stringify({ token: mint('not the secret, but as long as one has to be', { userId: randomUUID() }) })}`);
      await frame(raw, '44');
      tried += 1;
      raw.socket.terminate();
    }
  }));
  assert.ok(tried >= 10 && tried <= 30, `${tried} tokens were tried`);
  const elsewhere = { 'x-forwarded-for': '203.0.113.5' };
  await settled(await stack.connect({ token: stack.user().token, port: proxied.port, extraHeaders: elsewhere }));
});

check('a token tried over HTTP counts as well', async () => {
  const headers = { 'x-forwarded-for': '203.0.113.6', authorization: 'Bearer nonsense' };
  const statuses = [];
  for (let n = 0; n < 40; n += 1) statuses.push((await request(`${proxied.url}/api/exams`, { headers })).status);
  assert.equal(statuses[0], 401);
  assert.equal(statuses.at(-1), 429);
  // One that is good is good.
  const good = { ...headers, authorization: `Bearer ${stack.user().token}` };
  assert.notEqual((await request(`${proxied.url}/api/exams`, { headers: good })).status, 429);
});

// ── Connections ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** A TCP connection, on which something is sent. @param {{ port: number }} of @param {string} [text] */
async function dial({ port }, text = '') {
  const socket = net.connect(port, '127.0.0.1');
  const tcp = { socket, text: '', isClosed: false };
  socket.on('data', (data) => (tcp.text += data));
  socket.on('close', () => (tcp.isClosed = true));
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('connect', () => resolve(null)));
  socket.write(text);
  return tcp;
}

// The control: `gateway.header_timeout_ms` at 60000.
check('a request that does not begin, does not end or is too large is not waited for', async () => {
  const silent = await dial(few);
  const unfinished = await dial(few, 'GET /healthz HTTP/1.1\r\nhost: x\r\nx: ');
  const drip = setInterval(() => unfinished.socket.write('x'), 100);
  await until(() => silent.isClosed && unfinished.isClosed, { what: 'both to be closed', timeout: 5_000 });
  clearInterval(drip);

  const idle = await dial(few, 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
  await until(() => idle.text.startsWith('HTTP/1.1 200'), { what: 'an answer' });
  await until(() => idle.isClosed, { what: 'an idle connection to be closed', timeout: 5_000 });

  const large = await dial(few, `GET /healthz HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(100_000)}\r\n\r\n`);
  const many = await dial(few, `GET /healthz HTTP/1.1\r\nhost: x\r\n${'x: x\r\n'.repeat(200)}\r\n`);
  await until(() => large.isClosed && many.isClosed, { what: 'both to be closed', timeout: 5_000 });
  assert.match(large.text, /^HTTP\/1.1 431/);
  assert.match(many.text, /^HTTP\/1.1 431/);
});

// The control: `gateway.body_grace_ms` at 60000.
check('a body that comes too slowly is not waited for', async () => {
  const { sid } = await openPolling(few);
  const { token } = stack.user();
  for (const head of [`POST ${POLLING}&sid=${sid}`, 'POST /api/files']) {
    const slow = await dial(few, `${head} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-type: multipart/form-data; boundary=x\r\ncontent-length: 100000\r\n\r\n4`);
    const began = performance.now();
    const drip = setInterval(() => slow.socket.write('x'), 100);
    await until(() => slow.isClosed, { what: `the end of ${head}`, timeout: 5_000 });
    clearInterval(drip);
    assert.ok(performance.now() - began > 500);
    assert.match(slow.text, /^HTTP\/1.1 400/, head);
  }
  const { status } = await openPolling(few);
  assert.equal(status, 200);
});

// The control: `gateway.address_connections` at 100000.
check('connections on which nobody has signed in are few', async () => {
  // Those who have signed in are as many as they like.
  const { token } = stack.user();
  const clients = [];
  for (let n = 0; n < 25; n += 1) {
    clients.push(await stack.connect({ token, port: few.port, transports: n % 2 ? ['websocket'] : ['polling', 'websocket'] }));
  }
  for (const client of clients) await until(() => client.socket.io.engine.transport.name === 'websocket', { what: 'the upgrade' });

  const open = [];
  for (let n = 0; n < 30; n += 1) open.push(await dial(few));
  const late = await dial(few, 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
  await until(() => late.isClosed, { what: 'an answer' });
  assert.match(late.text, /^HTTP\/1.1 429 [^]*retry-after: 1\r\n/);
  for (const client of clients) await settled(client);
  await until(() => open.every(({ isClosed }) => isClosed), { what: 'them to be closed' });
  assert.equal((await request(`${few.url}/healthz`)).status, 200);
});

// ── Slow readers ──────────────────────────────────────────────────────────────────────────────────────────────────────

// The control: `gateway.socket_buffer_bytes` at 1000000000.
check('who does not read costs a megabyte or two, and is told what was missed', async () => {
  const roomId = newRoom();
  const writer = await stack.connect({ token: stack.user().token, port: gateway.port });
  await join(writer, roomId);
  const before = memory(gateway);
  const readers = await Promise.all(Array.from({ length: 10 }, async () => {
    const raw = await signedInRaw(gateway);
    raw.socket.send(`42["join-room",${JSON.stringify({ roomId })}]`);
    await frame(raw, '42["room-joined"');
    raw.frames.length = 0;
    raw.socket.pause();
    return raw;
  }));
  // 16 MiB for each of them; the writer hears all of it.
  const message = 'é'.repeat(7_900);
  for (let n = 0; n < 1_050; n += 1) await say(writer, roomId, message);
  const grew = memory(gateway) - before;
  assert.ok(grew < 80 * MIB, `${grew / MIB} MiB`);
  assert.match((await request(`${gateway.healthUrl}/metrics`)).text, /gateway_buffer_overflows_total/);
  await bystander(gateway);
  for (const raw of readers) raw.socket.resume();
  for (const raw of readers) await frame(raw, '42["resync-required"');
  for (const raw of readers) {
    const heard = raw.frames.filter((each) => each.startsWith('42["receive-message"')).map((each) => JSON.parse(each.slice(2))[1].seq);
    assert.deepEqual(heard, heard.map((_, n) => n + 1), 'up to there nothing is missing');
    raw.socket.terminate();
  }
}, { timeout: 120_000 });

// The control: with all of the buffer for what is told, the connection is lost.
check('what is told to who does not read leaves room for what they ask for', async () => {
  const roomId = newRoom();
  // Elsewhere: the writer hears all of it, too.
  const writer = await stack.connect({ token: stack.user().token, port: gateway.port });
  await join(writer, roomId);
  const raw = await signedInRaw(small);
  raw.socket.send(`42["join-room",${JSON.stringify({ roomId })}]`);
  await frame(raw, '42["room-joined"');
  raw.socket.pause();
  const metric = async (/** @type {RegExp} */ line) => Number(line.exec((await request(`${small.healthUrl}/metrics`)).text)?.[1] ?? 0);
  const overflows = () => metric(/^gateway_buffer_overflows_total\S* (\d+)$/m);
  const heartbeats = () => metric(/^gateway_events_total\{[^}]*event="heartbeat"[^}]*\} (\d+)$/m);
  // One after another: many at once fill the buffer before the network has taken any.
  const write = () => say(writer, roomId, '🫀'.repeat(8_000));
  const before = await overflows();
  do await write();
  while (await overflows() === before);
  // Whatever the network still took is made up for.
  for (let n = 0; n < 20; n += 1) await write();
  const beats = await heartbeats();
  raw.socket.send('427["heartbeat"]');
  await until(async () => await heartbeats() > beats, { what: 'the heartbeat to be taken' });
  raw.socket.resume();
  await frame(raw, '437[');
  await frame(raw, '42["resync-required"');
  raw.socket.terminate();
});

// The control: `gateway.socket_buffer_bytes` at 1000000000.
check('who asks for more than they read loses the connection, and comes back', async () => {
  const roomId = newRoom();
  const { token } = stack.user();
  const client = await stack.connect({ token, port: small.port });
  await join(client, roomId);
  const message = 'é'.repeat(7_900);
  for (let n = 0; n < 40; n += 1) await say(client, roomId, message);

  const raw = await signedInRaw(small, { ...stack.user(), token });
  raw.socket.pause();
  for (let n = 0; n < 200; n += 1) raw.socket.send(`42${n}["message-history",${JSON.stringify({ roomId, limit: 40 })}]`);
  const unread = async () => Number(/^gateway_unread_answers_total\S* (\d+)$/m.exec((await request(`${small.healthUrl}/metrics`)).text)?.[1] ?? 0);
  await until(async () => await unread() > 0, { what: 'an answer that has no room' });
  raw.socket.resume();
  await ended(raw);
  await bystander(small);

  // The official client takes it for a lost connection.
  const before = await unread();
  const official = await stack.connect({ token, port: small.port, reconnection: true, transports: ['websocket'] });
  const stream = /** @type {any} */ (official.socket.io.engine.transport).ws._socket;
  stream.pause();
  for (let n = 0; n < 200; n += 1) official.socket.emit('message-history', { roomId, limit: 40 }, () => {});
  await until(async () => await unread() > before, { what: 'an answer that has no room' });
  stream.resume();
  assert.match((await disconnected(official).catch(() => official.disconnects[0]))?.reason ?? '', /^transport/);
  await connected(official);
  await settled(official);
});

check('whatever has happened, everybody is served as before', async () => {
  for (const of of [gateway, proxied, few, small, usual]) await bystander(of);
  const client = await stack.connect({ token: stack.user().token, port: gateway.port });
  await refusal(client, 'no-such-event', {}, 'request/unknown-event');
  assert.ok((await ok(client, 'heartbeat')).serverTime && (await emitAck(client, 'heartbeat')).ok);
});
