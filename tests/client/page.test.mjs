/** The page's files, and signing in as one of the demo's people. */
import assert from 'node:assert/strict';
import { mkdtemp, mkdir, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { request, startStack } from './harness.mjs';

const folder = await mkdtemp(path.join(os.tmpdir(), 'page-'));
await mkdir(path.join(folder, 'assets'));
await writeFile(path.join(folder, 'index.html'), '<!doctype html><title>Sinaesta</title>');
await writeFile(path.join(folder, 'assets/main-1a2b.js'), 'export {};');
await writeFile(path.join(path.dirname(folder), 'beside.txt'), 'not of the page');

const people = ['0198c000-0000-7000-8000-000000000004', '0198c000-0000-7000-8000-000000000002'];
const stack = await startStack({
  gateways: [{ SINAESTA__WEB__FOLDER: folder, SINAESTA__WEB__DEMO_USERS: people.join(',') }, {}],
});
const [gateway, plain] = stack.gateways;
assert.ok(gateway && plain);

/** @param {string} where @param {any} [options] */
const get = (where, options) => request(`${gateway.url}${where}`, options);

stack.check('the page is there, at every address that it shows something at, and may do little', async () => {
  for (const where of ['/', '/chat/lobby', '/exams/1']) {
    const { status, headers, text } = await get(where);
    assert.equal(status, 200, where);
    assert.match(text, /<title>Sinaesta/);
    assert.match(String(headers['content-security-policy']), /default-src 'self'.*frame-ancestors 'none'/);
    assert.deepEqual([headers['x-content-type-options'], headers['cache-control']], ['nosniff', 'no-cache']);
  }
  const script = await get('/assets/main-1a2b.js');
  assert.match(String(script.headers['content-type']), /javascript/);
  assert.match(String(script.headers['cache-control']), /immutable/);
});

stack.check('what is not of the page is not the page', async () => {
  const cases = /** @type {const} */ ([['/assets/main-old.js'], ['/api/nothing'], ['/api/'], ['/', { method: 'POST' }, /can't be used here/], ['/%2e%2e/beside.txt', undefined, /<title>|nothing here/]]);
  for (const [where, options, expected = /nothing here/] of cases) {
    const { text } = await get(where, options);
    assert.match(text, expected, where);
    assert.ok(!text.includes('not of the page'));
  }
  // The control: without the bounds of names and paths, those that are too long for the file system are a 500.
  for (const where of ['/%00', '/assets/%00.js', `/${'x'.repeat(300)}`, `/assets/${'x'.repeat(300)}.js`, '/x'.repeat(3_000)]) {
    const { status } = await get(where);
    assert.ok(status === 200 || status === 404, `${where}: ${status}`);
  }
  assert.equal((await request(`${plain.url}/`)).status, 404);
});

stack.check('anybody signs in as one of the people of the demo, and as nobody else', async () => {
  const listed = JSON.parse((await get('/api/demo/people')).text).people;
  assert.deepEqual(listed.map((/** @type {any} */ one) => [one.id, one.role]), [[people[0], 'STUDENT'], [people[1], 'MENTOR']]);
  const signIn = async (/** @type {string} */ url, /** @type {unknown} */ userId) => {
    const answer = await request(`${url}/api/demo/sign-in`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ userId }) });
    return { status: answer.status, body: JSON.parse(answer.text) };
  };
  const { status, body } = await signIn(gateway.url, people[0]);
  assert.equal(status, 200, JSON.stringify(body));
  assert.ok(Date.parse(body.expiresAt) - Date.now() < 16 * 60_000);
  const client = await stack.connect({ token: body.token });
  assert.ok(client.socket.connected);
  // One who exists, but is not of the demo on this gateway; one who does not exist; and where there is no demo.
  assert.equal((await signIn(gateway.url, '0198c000-0000-7000-8000-000000000003')).body.error.code, 'user/not-found');
  assert.equal((await signIn(gateway.url, 'x')).status, 400);
  assert.equal((await signIn(plain.url, people[0])).status, 404);
  assert.equal((await request(`${plain.url}/api/demo/people`)).status, 404);
});
