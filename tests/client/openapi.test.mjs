/** The HTTP API does what its document says: tried by Schemathesis, with all of its checks, as whoever there is. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import process from 'node:process';

import { request, startStack } from './harness.mjs';
import { api, newExam } from './exam-helpers.mjs';

/** Where it is installed. */
const SCHEMATHESIS = process.env.SINAESTA_SCHEMATHESIS;
const skip = SCHEMATHESIS ? false : 'SINAESTA_SCHEMATHESIS names no folder with Schemathesis';
if (skip) console.log(`# the API is not tried: ${skip}`);

const DEMO_USER = '0198c000-0000-7000-8000-000000000001';
const stack = await startStack({ exams: [{}], bells: [{}], gateways: [{ SINAESTA__WEB__DEMO_USERS: DEMO_USER }] });
const [gateway] = stack.gateways;
assert.ok(gateway);

/** What it prints, and how it ends. @param {string[]} args @returns {Promise<{ code: number | null, text: string }>} */
function schemathesis(args) {
  const folder = new URL('schemathesis', import.meta.url).pathname;
  const run = spawn('python3', ['-m', 'schemathesis.cli', '--no-color', ...args], {
    cwd: folder, env: { ...process.env, PYTHONPATH: [SCHEMATHESIS, folder].join(':'), PYTHONDONTWRITEBYTECODE: '1' },
  });
  let text = '';
  for (const out of [run.stdout, run.stderr]) out.setEncoding('utf8').on('data', (part) => { text += part; });
  process.once('exit', () => run.kill());
  return new Promise((resolve, reject) => run.on('error', reject).on('close', (code) => resolve({ code, text })));
}

// The control: any schema without one of its bounds, as `limit` without its maximum.
stack.check('what the document says of the API holds for students, mentors and admins', async () => {
  const roles = ['STUDENT', 'MENTOR', 'SUPER_ADMIN'];
  const runs = await Promise.all(roles.map((role) => schemathesis([
    'run', `${gateway.url}/api/openapi.json`, '--header', `Authorization: Bearer ${stack.user({ role }).token}`,
    '--checks', 'all', '--max-examples', '3', '--no-shrink',
  ])));
  for (const [n, { code, text }] of runs.entries()) {
    assert.equal(code, 0, `${roles[n]}\n${text.slice(-20_000)}`);
    console.log(text.slice(text.lastIndexOf('SUMMARY')).replaceAll(/^/gm, '# '));
  }
}, { skip, timeout: 300_000 });

stack.check('a method that an address has not is refused, with those that it has', async () => {
  const { token } = stack.user();
  for (const [path, allow] of [['/api/exams', 'GET,HEAD,POST'], ['/api/push/key', 'GET,HEAD'], ['/healthz', 'GET,HEAD']]) {
    for (const method of ['TRACE', 'PATCH', 'BREW']) {
      const answer = await request(`${gateway.url}${path}`, { method, headers: { authorization: `Bearer ${token}` } });
      assert.deepEqual([answer.status, answer.headers.allow, JSON.parse(answer.text).error.code], [405, allow, 'http/method-not-allowed'], `${method} ${path}`);
    }
  }
  assert.equal((await request(`${gateway.url}/api/nothing`, { method: 'TRACE' })).status, 404);
});

stack.check('no cache keeps what is somebody\'s, or of the moment', async () => {
  const mentor = stack.user({ role: 'MENTOR' });
  const exam = await newExam(stack, mentor);
  const headers = { authorization: `Bearer ${mentor.token}` };
  const paths = ['/api/exams', `/api/exams/${exam.id}`, '/api/notifications', '/api/notifications/preferences', '/api/files/x', '/api/demo/people', '/healthz'];
  for (const path of [...paths, '/socket.io/?EIO=4&transport=polling', '/socket.io/?EIO=4&transport=polling&sid=x']) {
    assert.equal((await request(`${gateway.url}${path}`, { headers })).headers['cache-control'], 'no-store', path);
  }
  assert.equal((await request(`${gateway.url}/api/exams`)).headers['cache-control'], 'no-store');
  assert.equal((await request(`${gateway.url}/api/openapi.json`)).headers['cache-control'], 'no-cache');
});

stack.check('preferences are put as they are read', async () => {
  const who = stack.user();
  const { body } = await api(stack, who, 'GET', '/api/notifications/preferences');
  body.preferences.SYSTEM.enabled = false;
  const put = await api(stack, who, 'PUT', '/api/notifications/preferences', body);
  assert.deepEqual([put.status, put.body.preferences], [200, body.preferences]);
  assert.deepEqual((await api(stack, who, 'PUT', '/api/notifications/preferences', put.body)).body.preferences, body.preferences);
});
