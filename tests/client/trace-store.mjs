/** A real trace store: Phoenix, from the packages that `cargo xtask test` installs. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after } from 'node:test';

import { freePort, request, until } from './harness.mjs';

/** Starts one that takes OTLP; it ends with the file's tests. */
export async function startTraceStore() {
  // Whoever runs the stack sends its traces elsewhere.
  if (process.env.SINAESTA_STACK) return { otlp: 'http://127.0.0.1:1', spans: async () => [] };
  const packages = process.env.SINAESTA_PHOENIX;
  if (!packages) throw new Error('SINAESTA_PHOENIX must name the folder with the packages of ops/pins/phoenix.txt: `cargo xtask test` does it');
  const [port, grpc] = [await freePort(), await freePort()];
  const folder = await mkdtemp(path.join(os.tmpdir(), 'sinaesta-traces-'));
  const child = spawn('python3', ['-m', 'phoenix.server.main', 'serve'], {
    env: {
      ...process.env, PYTHONPATH: packages, HOME: folder, PHOENIX_WORKING_DIR: folder, PHOENIX_HOST: '127.0.0.1',
      PHOENIX_PORT: String(port), PHOENIX_GRPC_PORT: String(grpc), PHOENIX_TELEMETRY_ENABLED: 'false',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk) => (said = (said + chunk).slice(-4_000)));
  after(async () => {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });
  const url = `http://127.0.0.1:${port}`;
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`the trace store ended: ${said}`);
    return request(`${url}/healthz`).then(({ status }) => status === 200, () => false);
  }, { timeout: 90_000, every: 200, what: () => `the trace store to be ready: ${said}` });

  return {
    otlp: `http://127.0.0.1:${grpc}`,
    /**
     * The spans of a trace.
     *
     * @param {string} trace
     * @returns {Promise<{ name: string, context: { trace_id: string, span_id: string }, parent_id: string | null, attributes: Record<string, unknown> }[]>}
     */
    async spans(trace) {
      const { status, text } = await request(`${url}/v1/projects/default/spans?limit=1000&trace_id=${trace}`);
      // Before anything was sent there is no project.
      if (status === 404) return [];
      if (status !== 200) throw new Error(`the trace store: ${status} ${text}`);
      return JSON.parse(text).data.filter((/** @type {any} */ span) => span.context.trace_id === trace);
    },
  };
}
