/** Files: in, once and clean; out, only for whoever may be in a room that has one. */
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';

import { all, join, newRoom, next, ok, refusal, request, say, startStack, until } from './harness.mjs';
import { chunk, png, zip } from './pictures.mjs';

const MAX = 1_000_000;
const stack = await startStack({
  gateways: [{}, { SINAESTA__LIMITS__USER_UPLOADS_PER_MINUTE: '3', SINAESTA__FILES__MAX_BYTES: '10000000' }],
  env: { SINAESTA__FILES__MAX_BYTES: String(MAX), SINAESTA__FILES__ABANDONED_AFTER_S: '3' },
});
const [gateway] = stack.gateways;
assert.ok(gateway);

const PDF = Buffer.concat([Buffer.from('%PDF-1.7\n'), randomBytes(300_000), Buffer.from('\n%%EOF')]);

/** @param {Buffer} bytes @param {string} name @param {string} [type] */
function form(bytes, name, type = 'application/octet-stream') {
  const boundary = `b${randomUUID()}`;
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${name}"\r\ncontent-type: ${type}\r\n\r\n`;
  return { body: Buffer.concat([Buffer.from(head), bytes, Buffer.from(`\r\n--${boundary}--\r\n`)]), type: `multipart/form-data; boundary=${boundary}` };
}

/** @param {import('./harness.mjs').User} who @param {Buffer} bytes @param {{ name?: string, query?: string, type?: string }} [options] */
async function upload(who, bytes, { name = 'hasil.pdf', query = '', type } = {}) {
  const sent = form(bytes, name, type);
  const answer = await request(`${gateway?.url}/api/files${query}`, {
    method: 'POST', headers: { authorization: `Bearer ${who.token}`, 'content-type': sent.type }, body: sent.body,
  });
  return { status: answer.status, body: JSON.parse(answer.text) };
}

/** @param {import('./harness.mjs').User | null} who @param {string} path @param {Record<string, string>} [headers] @param {string} [method] */
function download(who, path, headers = {}, method = 'GET') {
  return new Promise((resolve, reject) => {
    const sent = http.request(`${stack.gateways[1]?.url}${path}`, { method, headers: { ...(who ? { authorization: `Bearer ${who.token}` } : {}), ...headers } }, (response) => {
      const chunks = /** @type {Buffer[]} */ ([]);
      response.on('data', (part) => chunks.push(part));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, bytes: Buffer.concat(chunks) }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

stack.check('a file goes in, is posted, and comes out for those in the room, whole and in parts', async () => {
  const [owner, friend, stranger] = [stack.user(), stack.user(), stack.user()];
  const [one, two] = [await stack.connect({ token: owner.token }), await stack.connect({ token: friend.token })];
  const { status, body: file } = await upload(owner, PDF, { name: '../../hasil lab é.pdf', query: '?uploadId=u1' });
  assert.equal(status, 201, JSON.stringify(file));
  assert.deepEqual([file.fileName, file.fileSize, file.contentType, file.fileUrl, file.thumbnailUrl], ['hasil lab é.pdf', PDF.length, 'application/pdf', `/api/files/${file.id}`, null]);
  await until(() => all(one, 'file-upload-progress').some((told) => told.uploadId === 'u1' && told.received === PDF.length), { what: 'progress' });
  // Before it is posted it is its owner's alone.
  assert.equal((await download(friend, file.fileUrl)).status, 404);
  const room = (await join(one, `direct:${owner.id}:${friend.id}`)).roomId;
  await join(two, room);
  const message = await say(one, room, 'Ini', { fileUrl: file.fileUrl, fileName: 'other.exe', fileSize: 7, messageType: 'file' });
  assert.deepEqual([message.file_url, message.file_name, message.file_size], [file.fileUrl, 'hasil lab é.pdf', PDF.length]);
  const whole = await download(friend, file.fileUrl);
  assert.equal(whole.status, 200);
  assert.ok(whole.bytes.equals(PDF));
  assert.deepEqual(
    ['content-type', 'content-length', 'accept-ranges', 'x-content-type-options', 'content-disposition'].map((name) => whole.headers[name]),
    ['application/pdf', String(PDF.length), 'bytes', 'nosniff', "attachment; filename*=UTF-8''hasil%20lab%20%C3%A9.pdf"]);
  assert.match(whole.headers['content-security-policy'], /sandbox/);
  const part = await download(friend, file.fileUrl, { range: 'bytes=131000-131099' });
  assert.deepEqual([part.status, part.headers['content-range']], [206, `bytes 131000-131099/${PDF.length}`]);
  assert.ok(part.bytes.equals(PDF.subarray(131_000, 131_100)));
  const last = await download(friend, file.fileUrl, { range: 'bytes=-10' });
  assert.ok(last.status === 206 && last.bytes.equals(PDF.subarray(-10)));
  assert.equal((await download(friend, file.fileUrl, { range: `bytes=${PDF.length}-` })).status, 416);
  for (const who of [stranger, stack.user({ role: 'MENTOR' }), stack.user({ role: 'SUPER_ADMIN' })]) assert.equal((await download(who, file.fileUrl)).status, 404);
  assert.equal((await download(null, file.fileUrl)).status, 401);
  // Nobody posts what is not theirs, and what was posted goes with its message.
  await refusal(two, 'send-message', { roomId: room, message: 'x', fileUrl: file.fileUrl }, 'file/not-found');
  await refusal(one, 'send-message', { roomId: room, message: 'x', fileUrl: `/api/files/${randomUUID()}` }, 'file/not-found');
  await ok(one, 'message-remove', { messageId: message.id });
  await next(two, 'message-removed');
  assert.equal((await download(friend, file.fileUrl)).status, 404);
});

stack.check('a picture loses what is hidden in it and behind it, and gets a smaller one', async () => {
  const who = stack.user();
  const secret = Buffer.from('GPS -6.2000 106.8166');
  const dirty = Buffer.concat([png(640, 480, { more: [chunk('tEXt', secret), chunk('eXIf', secret)] }), Buffer.from('<html><script>alert(1)</script>')]);
  const { status, body: file } = await upload(who, dirty, { name: 'rontgen.html', type: 'text/html' });
  assert.equal(status, 201, JSON.stringify(file));
  assert.deepEqual([file.contentType, file.width, file.height], ['image/png', 640, 480]);
  const kept = await download(who, file.fileUrl);
  assert.deepEqual([kept.headers['content-type'], kept.bytes.length], ['image/png', file.fileSize]);
  assert.ok(!kept.bytes.includes(secret) && !kept.bytes.includes('script'));
  assert.match(kept.headers['content-disposition'], /^inline/);
  const small = await download(who, file.thumbnailUrl);
  assert.deepEqual([small.status, small.headers['content-type'], small.headers['x-content-type-options']], [200, 'image/jpeg', 'nosniff']);
});

stack.check('a file is what its bytes are, whatever it is called and whoever wrote it', async () => {
  const who = stack.user();
  const secret = Buffer.from('GPS -6.2000 106.8166');
  const first = ['[Content_Types].xml', '_rels/.rels', 'docProps/app.xml', 'docProps/core.xml', 'docProps/thumbnail.jpeg'];
  const opus = Buffer.from('OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead\x01\x01', 'latin1');
  const office = 'application/vnd.openxmlformats-officedocument';
  /** @type {[Buffer, { name: string, type: string }, string | null][]} */
  const cases = [
    [zip([...first, 'word/document.xml']), { name: 'a.docx', type: 'application/zip' }, `${office}.wordprocessingml.document`],
    [zip([...first, 'ppt/presentation.xml']), { name: 'a.docx', type: `${office}.wordprocessingml.document` }, `${office}.presentationml.presentation`],
    [opus, { name: 'suara.ogg', type: 'audio/ogg; codecs=opus' }, 'audio/ogg'],
    [PDF, { name: 'a.png', type: 'image/png' }, 'application/pdf'],
    [opus, { name: 'a.mp4', type: 'video/mp4' }, 'audio/ogg'],
    [png(40, 40, { more: [chunk('caBX', secret)] }), { name: 'a.pdf', type: 'application/pdf' }, 'image/png'],
    [zip(['word/document.xml', 'word/a.xml', 'word/b.xml', 'word/c.xml', ...first, ...Array.from({ length: 80 }, (_, n) => `word/media/${n}`)]), { name: 'a.docm', type: 'x/y' }, `${office}.wordprocessingml.document`],
    [zip([...first, 'word/document.xml', 'word/vba.bin']), { name: 'a.docx', type: `${office}.wordprocessingml.document` }, null],
    [zip([...first, 'xl/workbook.xml', 'word/x']), { name: 'a.docx', type: `${office}.wordprocessingml.document` }, null],
    [zip([...first, 'xl/workbook.xml']), { name: 'a.docx', type: `${office}.wordprocessingml.document` }, null],
    [zip(['a.txt', 'word/document.xml']), { name: 'a.docx', type: `${office}.wordprocessingml.document` }, null],
  ];
  for (const [bytes, options, type] of cases) {
    const { status, body } = await upload(who, bytes, options);
    assert.deepEqual([status, body.contentType ?? body.error.code], type ? [201, type] : [415, 'file/type-not-allowed'], JSON.stringify({ options, body }));
    if (type === null) continue;
    if (options.name === 'a.docm') assert.equal(body.fileName, 'a.docx');
    const kept = await download(who, body.fileUrl);
    assert.equal(kept.headers['content-type'], type);
    assert.match(kept.headers['content-disposition'], type === 'image/png' ? /^inline/ : /^attachment/);
    if (type === 'image/png') assert.ok(!kept.bytes.includes(secret) && !kept.bytes.includes('caBX'));
    else assert.ok(kept.bytes.equals(bytes));
  }
});

stack.check('a file that is known already is not sent again, and a part only of the same one', async () => {
  const [who, stranger] = [stack.user(), stack.user()];
  const { body: file } = await upload(who, png(40, 40));
  const whole = await download(who, file.fileUrl);
  const { etag } = whole.headers;
  assert.match(etag, /^"[^"]+"$/);
  assert.equal(whole.headers['cache-control'], 'private, no-cache');
  for (const known of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
    const again = await download(who, file.fileUrl, { 'if-none-match': known });
    assert.deepEqual([again.status, again.bytes.length, again.headers.etag], [304, 0, etag], known);
  }
  assert.equal((await download(who, file.fileUrl, { 'if-none-match': '"x"' })).status, 200);
  assert.equal((await download(stranger, file.fileUrl, { 'if-none-match': etag })).status, 404);
  const small = await download(who, file.thumbnailUrl, { 'if-none-match': etag });
  assert.ok(small.status === 200 && small.headers.etag !== etag);
  assert.equal((await download(who, file.thumbnailUrl, { 'if-none-match': small.headers.etag })).status, 304);
  const range = 'bytes=0-9';
  assert.equal((await download(who, file.fileUrl, { range, 'if-range': etag })).status, 206);
  for (const other of ['"x"', `W/${etag}`, 'Sat, 01 Jan 2028 00:00:00 GMT']) {
    const all = await download(who, file.fileUrl, { range, 'if-range': other });
    assert.ok(all.status === 200 && all.bytes.equals(whole.bytes), other);
  }
  const head = await download(who, file.fileUrl, { range }, 'HEAD');
  assert.deepEqual([head.status, head.headers['content-length'], head.headers['content-range'], head.bytes.length], [200, String(file.fileSize), undefined, 0]);
});

// The control: without draining what is left of a body, most of these fail with a connection that was reset.
stack.check('whoever sends megabytes that are refused hears why', async () => {
  const [who, limited] = [stack.user(), stack.user()];
  const bearer = (/** @type {import('./harness.mjs').User} */ user) => ({ authorization: `Bearer ${user.token}` });
  const large = form(Buffer.concat([PDF, randomBytes(5_000_000)]), 'a.pdf');
  const page = form(Buffer.concat([Buffer.from('<html>'), randomBytes(5_000_000)]), 'a.html');
  const [here, there] = stack.gateways.map((one) => `${one.url}/api/files`);
  const packet = Buffer.from(`40{"token":"${'x'.repeat(5_000_000)}"}`);
  const { sid } = JSON.parse((await request(`${gateway.url}/socket.io/?EIO=4&transport=polling`)).text.slice(1));
  // All uploads of a minute.
  for (let n = 0; n < 3; n += 1) await fetch(String(there), { method: 'POST', headers: { ...bearer(limited), 'content-type': large.type }, body: '' });
  /** @type {[string, string, Record<string, string>, Buffer, number, string?][]} */
  const cases = [
    ['POST', String(here), { 'content-type': large.type }, large.body, 401, 'auth/no-token'],
    ['POST', String(here), { authorization: 'Bearer x', 'content-type': large.type }, large.body, 401, 'auth/invalid-token'],
    ['POST', String(here), { ...bearer(who), 'content-type': large.type }, large.body, 413, 'request/too-large'],
    ['POST', String(here), { ...bearer(who), 'content-type': 'application/pdf' }, large.body, 415, 'http/unsupported-media-type'],
    ['POST', String(there), { ...bearer(who), 'content-type': page.type }, page.body, 415, 'file/type-not-allowed'],
    ['POST', String(there), { ...bearer(limited), 'content-type': large.type }, large.body, 429, 'request/rate-limited'],
    ['PUT', String(here), bearer(who), large.body, 405, 'http/method-not-allowed'],
    ['POST', `${gateway.url}/api/nothing`, bearer(who), large.body, 404, 'http/not-found'],
    ['POST', `${gateway.url}/api/exams`, { ...bearer(who), 'content-type': 'application/json' }, large.body, 413, 'request/too-large'],
    ['POST', `${gateway.url}/socket.io/?EIO=4&transport=polling&sid=${sid}`, { 'content-type': 'text/plain' }, packet, 413],
  ];
  for (const [method, url, headers, body, status, code] of cases) {
    for (let turn = 0; turn < 3; turn += 1) {
      const answer = await fetch(url, { method, headers, body }).catch((error) => assert.fail(`${method} ${url}, ${status}: ${error.cause ?? error}`));
      if (code === undefined && turn > 0) continue;
      assert.equal(answer.status, status, `${method} ${url}`);
      const text = await answer.text();
      if (code !== undefined) assert.equal(JSON.parse(text).error.code, code);
    }
  }
  // One who asks before sending is not asked to send.
  const asking = http.request(String(here), { method: 'POST', headers: { expect: '100-continue', 'content-type': large.type, 'content-length': large.body.length } });
  const [status, isAsked] = await new Promise((resolve, reject) => {
    let isAsked = false;
    asking.on('continue', () => { isAsked = true; }).on('response', (response) => resolve([response.resume().statusCode, isAsked])).on('error', reject);
    asking.flushHeaders();
  });
  asking.on('error', () => {}).destroy();
  assert.deepEqual([status, isAsked], [401, false]);
});

// The control: with a bound of the balancer's own, which does not read what comes, the connection is reset.
stack.check('whoever sends too much hears why through the balancer, too', async () => {
  const balancer = await stack.addBalancer();
  const large = form(Buffer.concat([PDF, Buffer.alloc(13_000_000)]), 'a.pdf');
  const headers = { authorization: `Bearer ${stack.user().token}`, 'content-type': large.type, origin: 'https://a.example' };
  for (let turn = 0; turn < 4; turn += 1) {
    const answer = await fetch(`http://127.0.0.1:${balancer.port}/api/files`, { method: 'POST', headers, body: large.body });
    assert.deepEqual([answer.status, (await answer.json()).error.code, answer.headers.get('access-control-allow-origin')], [413, 'request/too-large', '*']);
  }
});

stack.check('what is no file that is taken is refused, whatever it is called', async () => {
  const who = stack.user();
  /** @type {[Buffer, object, number, string][]} */
  const cases = [
    [Buffer.from('<html><script>alert(1)</script></html>'), { name: 'a.png', type: 'image/png' }, 415, 'file/type-not-allowed'],
    [Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'), { name: 'a.svg' }, 415, 'file/type-not-allowed'],
    [Buffer.from('#!/bin/sh\nrm -rf /\n'), { name: 'a.pdf' }, 415, 'file/type-not-allowed'],
    [Buffer.from('MZ\x90\x00', 'latin1'), { name: 'a.jpg' }, 415, 'file/type-not-allowed'],
    [Buffer.alloc(0), {}, 415, 'file/type-not-allowed'],
    [png(10, 10).subarray(0, 60), {}, 422, 'file/invalid-image'],
    [png(60_000, 60_000), {}, 422, 'file/invalid-image'],
    [Buffer.concat([PDF, Buffer.alloc(MAX)]), {}, 413, 'request/too-large'],
  ];
  for (const [bytes, options, status, code] of cases) {
    const answer = await upload(who, bytes, options);
    assert.deepEqual([answer.status, answer.body.error.code], [status, code], JSON.stringify(answer.body));
  }
  const json = await request(`${gateway.url}/api/files`, { method: 'POST', headers: { authorization: `Bearer ${who.token}`, 'content-type': 'application/json' }, body: '{}' });
  assert.equal(json.status, 415);
  const empty = await request(`${gateway.url}/api/files`, { method: 'POST', headers: { authorization: `Bearer ${who.token}`, 'content-type': 'multipart/form-data; boundary=x' }, body: '--x--\r\n' });
  assert.deepEqual([empty.status, JSON.parse(empty.text).error.code], [400, 'file/missing']);
  assert.deepEqual(await stack.sql('select 1 from files where owner_id = $1', [who.id]), []);
  for (const id of ['x', '../secret', randomUUID()]) assert.equal((await download(who, `/api/files/${encodeURIComponent(id)}`)).status, 404);
});

stack.check('two hundred megabytes are cut off early, with bounded memory', async () => {
  const who = stack.user();
  await upload(who, PDF);
  const resident = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1]) / 1024;
  const before = resident();
  /** How much the server takes of a body that says, or does not say, how long it is. @param {boolean} says */
  const flood = (says) => new Promise((resolve) => {
    const total = 200_000_000;
    const head = `--x\r\ncontent-disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF-1.7\n`;
    const sent = http.request(`${gateway.url}/api/files`, {
      method: 'POST', headers: { authorization: `Bearer ${who.token}`, 'content-type': 'multipart/form-data; boundary=x', ...(says ? { 'content-length': total } : { 'transfer-encoding': 'chunked' }) },
    });
    let [written, status] = [0, 0];
    const done = () => resolve({ written, status });
    sent.on('response', (response) => {
      status = response.statusCode ?? 0;
      response.resume();
      sent.destroy();
    });
    sent.on('error', done);
    sent.on('close', done);
    sent.write(head);
    const block = Buffer.alloc(64 * 1024);
    const more = () => {
      while (written < total && !sent.destroyed) {
        written += block.length;
        if (!sent.write(block)) return void sent.once('drain', more);
      }
      sent.end();
    };
    more();
  });
  for (const says of [true, false]) {
    const { written, status } = await flood(says);
    assert.ok(status === 413 || status === 0, `${status}`);
    assert.ok(written < 30_000_000, `${written} bytes were taken`);
  }
  assert.ok(resident() - before < 32, `${resident() - before} MiB more`);
  assert.equal((await upload(who, PDF)).status, 201);
});

stack.check('a file that nobody posts is removed after a while, and one that was posted stays', async () => {
  const who = stack.user();
  const client = await stack.connect({ token: who.token });
  const room = (await join(client, newRoom())).roomId;
  const [kept, left] = [(await upload(who, PDF)).body, (await upload(who, png(8, 8), { name: 'a.png' })).body];
  await say(client, room, 'Ini', { fileUrl: kept.fileUrl });
  await until(async () => (await download(who, left.fileUrl)).status === 404, { timeout: 20_000, what: 'the file to go' });
  await until(async () => (await stack.sql('select 1 from files where id = $1', [left.id])).length === 0, { timeout: 20_000, what: 'its row to go' });
  assert.equal((await download(who, kept.fileUrl)).status, 200);
  await refusal(client, 'send-message', { roomId: room, message: 'x', fileUrl: left.fileUrl }, 'file/not-found');
});
