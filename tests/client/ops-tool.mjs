/** The operators' tool, against a stack of a test's own. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';

/** @param {import('./harness.mjs').Stack} stack @returns {(...args: string[]) => Promise<string>} what it prints */
export const opsTool = (stack) => async (...args) => {
  stack.mine();
  const { stdout } = await promisify(execFile)(path.join(stack.binaries, 'sinaesta-ops'), args, {
    env: {
      ...process.env,
      SINAESTA__NATS__URL: stack.infra().nats.url,
      SINAESTA__NATS__PASSWORD: stack.infra().servicePassword,
      SINAESTA__DATABASE__URL: stack.infra().postgres.url,
    },
  });
  return stdout;
};
