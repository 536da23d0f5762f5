/** A real browser before a real stack: pages of people who are signed in. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after } from 'node:test';
import { chromium } from 'playwright-core';
import { startStack } from '../../tests/client/harness.mjs';

const WEB = process.env.SINAESTA_WEB ?? path.resolve(import.meta.dirname, '../demo/dist');
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The demo's people, whom every stack has. */
export const DEMO_USERS = [1, 4, 5, 2, 6, 3, 7].map((n) => `0198c000-0000-7000-8000-00000000000${n}`).join(',');

/**
 * A stack whose gateways serve the page, and a browser.
 *
 * @param {Parameters<typeof startStack>[0]} [options]
 */
export async function startBrowser({ gateways = [{}], ...options } = {}) {
  const stack = await startStack({
    ...options,
    gateways: gateways.map((gateway) => ({ SINAESTA__WEB__FOLDER: WEB, ...gateway })),
  });
  const profile = await mkdtemp(path.join(os.tmpdir(), 'sinaesta-browser-'));
  const browser = await chromium.launch({
    executablePath: process.env.SINAESTA_CHROMIUM ?? '/usr/bin/chromium',
    args: FLAGS,
    env: { ...process.env, HOME: profile },
  });
  after(async () => {
    await browser.close();
    await rm(profile, { recursive: true, force: true });
  });
  const [gateway] = stack.gateways;
  if (!gateway) throw new Error('a stack needs a gateway');

  /**
   * A page of somebody's, in a browser of their own unless `context` is given: then a tab beside the others.
   *
   * @param {{ token: string }} user
   * @param {string} where
   * @param {{ context?: import('playwright-core').BrowserContext, url?: string } & import('playwright-core').BrowserContextOptions} [more]
   */
  async function open(user, where, { context: given, url = gateway.url, ...how } = {}) {
    const context =
      given ?? (await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 800 }, ...how }));
    const page = await context.newPage();
    /** @type {string[]} */
    const problems = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.addInitScript((token) => sessionStorage.setItem('sinaesta-demo', JSON.stringify({ token })), user.token);
    await page.goto(url + where);
    return { page, context, problems };
  }
  return { stack, browser, gateway, open };
}
