/** What operators see: every panel of every dashboard shows something of a real stack, and no alert fires while all is well. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFile, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after } from 'node:test';

import { freePort, join, newRoom, next, ok, refusal, request, say, startStack, until } from './harness.mjs';
import { endIn, graded, newExam, singles, sitter } from './exam-helpers.mjs';

const OPS = path.resolve(import.meta.dirname, '../../ops');
const stack = await startStack({
  gateways: [{}, { SINAESTA__LIMITS__MESSAGES_PER_MINUTE: '2' }], chats: [{}, {}], exams: [{}], boards: [{}], bells: [{}],
});
/** What is only there when something was wrong, or came about that no test brings about quickly. */
const SELDOM = /ALERTS|buffer_overflows|gap_deliveries|healed_messages|publish_repeats|notification_pushes|notification_removed|files_removed/;

/** A real Prometheus that reads the stack's metrics, with the rules that operators use. */
async function startPrometheus() {
  const program = process.env.SINAESTA_PROMETHEUS;
  if (!program) throw new Error('SINAESTA_PROMETHEUS must name a prometheus: `cargo xtask test` does it');
  const folder = await mkdtemp(path.join(os.tmpdir(), 'sinaesta-prometheus-'));
  const targets = /** @type {const} */ ({ gateway: stack.gateways, chat: stack.chats, 'exam-grading': stack.exams, leaderboard: stack.boards, notification: stack.bells });
  const jobs = Object.entries(targets).map(([name, services]) => `
  - job_name: ${name}
    static_configs: [{ targets: [${services.map(({ healthUrl }) => `"${new URL(healthUrl).host}"`).join(', ')}] }]`);
  await copyFile(path.join(OPS, 'prometheus/alerts.yml'), path.join(folder, 'alerts.yml'));
  await writeFile(path.join(folder, 'prometheus.yml'), `
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: [alerts.yml]
scrape_configs:${jobs.join('')}
`);
  const port = await freePort();
  const child = spawn(program, [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=127.0.0.1:${port}`],
    { stdio: 'ignore' });
  after(async () => {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  });
  const url = `http://127.0.0.1:${port}`;
  await until(() => request(`${url}/-/ready`).then(({ status }) => status === 200, () => false), { timeout: 30_000, what: 'prometheus' });
  const ask = async (/** @type {string} */ what, /** @type {Record<string, string>} */ asked = {}) => {
    const { status, text } = await request(`${url}/api/v1/${what}?${new URLSearchParams(asked)}`);
    assert.equal(status, 200, `${asked.query ?? what}: ${text}`);
    return JSON.parse(text).data;
  };
  return { url, ask };
}

/** A little of everything, again and again, so that rates can be seen. @param {{ over: boolean }} state */
async function live(state) {
  const mentor = stack.user({ role: 'MENTOR' });
  const [one, other] = await Promise.all([1, 2].map(() => stack.connect({ token: stack.user().token })));
  const limited = await stack.connect({ token: stack.user().token, port: stack.gateways[1]?.port });
  const roomId = newRoom();
  for (const client of [one, other, limited]) await join(client, roomId);
  await ok(one, 'leaderboard-request', { period: 'weekly' });
  const proctor = await stack.connect({ token: mentor.token });
  while (!state.over) {
    await say(one, roomId, 'hello');
    await ok(one, 'message-history', { roomId });
    await ok(other, 'notification-send', { type: 'SYSTEM', title: 'x', message: 'x' });
    await refusal(other, 'exam-complete', { examId: mentor.id }, 'exam/not-found');
    for (let n = 0; n < 3; n += 1) limited.socket.emit('send-message', { roomId, message: 'too much' });
    const exam = await newExam(stack, mentor, { questions: singles(2) });
    const [quick, slow] = [await sitter(stack, exam.id), await sitter(stack, exam.id)];
    await ok(quick.client, 'exam-answer', { examId: exam.id, questionIndex: 0, answer: 0 });
    await ok(quick.client, 'exam-progress', { examId: exam.id, currentQuestion: 1, timeRemaining: 1, answers: [0, null] });
    await ok(quick.client, 'exam-complete', { examId: exam.id });
    await ok(proctor, 'exam-extend', { examId: exam.id, userId: slow.user.id, minutes: 1 });
    await endIn(stack, exam.id, -1);
    await graded(stack, exam.id, 2);
    quick.client.close();
    slow.client.close();
  }
}

/** Pictures of the dashboards, once they show enough; names the panels that show nothing. @param {string} prometheus @param {string} out @param {number} began */
async function picture(prometheus, out, began) {
  const seconds = 100;
  await until(() => Date.now() - began > seconds * 1000, { timeout: seconds * 1000, every: 500, what: 'enough to be shown' });
  const { draw } = await import('../../ops/grafana/pictures/draw.mjs');
  return draw({ prometheus, out, seconds, executablePath: process.env.SINAESTA_CHROMIUM ?? '/usr/bin/chromium' });
}

stack.check('every panel shows something, and no alert fires', async () => {
  const began = Date.now();
  const { url, ask } = await startPrometheus();
  const state = { over: false };
  const living = live(state);
  living.catch(() => (state.over = true));
  const names = (await readdir(path.join(OPS, 'grafana/dashboards'))).filter((name) => name.endsWith('.json'));
  const dashboards = await Promise.all(names.map(async (name) => JSON.parse(await readFile(path.join(OPS, 'grafana/dashboards', name), 'utf8'))));
  const panels = dashboards.flatMap(({ title, panels }) => panels.flatMap((/** @type {any} */ panel) => (panel.targets ?? []).map((/** @type {any} */ target) => ({
    what: `${title}, ${panel.title}`,
    panel: panel.title,
    // As Grafana fills them in, with everything chosen.
    query: target.expr.replaceAll('$__rate_interval', '10s').replaceAll('$service', '.*').replaceAll('$instance', '.*'),
  }))));
  assert.ok(panels.length > 80, `${panels.length} queries`);
  for (const { what, query } of panels) {
    if (SELDOM.test(query)) {
      await ask('query', { query });
      continue;
    }
    await until(async () => {
      const { result } = await ask('query', { query });
      return result.some((/** @type {any} */ one) => Number.isFinite(Number(one.value[1])));
    }, { timeout: 30_000, every: 300, what: () => `"${what}" to show something: ${query}` });
  }
  if (process.env.SINAESTA_DASHBOARDS) {
    const shown = new Set(panels.filter(({ query }) => !SELDOM.test(query)).map(({ panel }) => panel));
    const empty = await picture(url, process.env.SINAESTA_DASHBOARDS, began);
    assert.deepEqual(empty.filter((panel) => shown.has(panel)), [], 'panels whose queries have data show it');
  }
  state.over = true;
  await living;
  const { groups } = await ask('rules');
  const rules = groups.flatMap((/** @type {any} */ group) => group.rules);
  assert.ok(rules.length >= 15);
  for (const rule of rules) {
    assert.equal(rule.health, 'ok', `${rule.name}: ${rule.lastError}`);
    assert.notEqual(rule.state, 'firing', `${rule.name}: ${JSON.stringify(rule.alerts)}`);
  }
  for (const { health, scrapeUrl, lastError } of (await ask('targets')).activeTargets) assert.equal(health, 'up', `${scrapeUrl}: ${lastError}`);
}, { timeout: 240_000 });
