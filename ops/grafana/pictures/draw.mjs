/** Pictures of the dashboards with what a Prometheus holds, drawn in a browser by Grafana's own components. */
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';

import { chromium } from 'playwright-core';
import { preview } from 'vite';

/**
 * Draws every dashboard into `out`, and names the panels that it drew without any data.
 *
 * @param {{ prometheus: string, out: string, seconds: number, executablePath: string }} how
 * @returns {Promise<string[]>}
 */
export async function draw({ prometheus, out, seconds, executablePath }) {
  const server = await preview({
    configFile: path.join(import.meta.dirname, 'vite.config.mjs'),
    preview: { host: '127.0.0.1', port: 0, proxy: { '/api': prometheus } },
  });
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  /** @type {string[]} */
  const empty = [];
  try {
    await mkdir(out, { recursive: true });
    const files = await readdir(path.resolve(import.meta.dirname, '../dashboards'));
    for (const file of files) {
      const page = await browser.newPage({ viewport: { width: 1632, height: 1000 }, timezoneId: 'UTC' });
      /** @type {string[]} */
      const problems = [];
      page.on('pageerror', (error) => problems.push(String(error)));
      await page.goto(`${server.resolvedUrls?.local[0]}?dashboard=${file}&seconds=${seconds}`);
      const drawn = page.locator('[data-panel]').first().waitFor({ timeout: 60_000 });
      await drawn.catch((error) => problems.push(String(error)));
      await page.evaluate(() => document.fonts.ready);
      await page.screenshot({ path: path.join(out, `${path.basename(file, '.json')}.png`), fullPage: true });
      if (problems.length > 0) throw new Error(`${file}: ${problems.join('; ')}`);
      for (const panel of await page.locator('[data-panel]').filter({ hasText: 'No data' }).all()) {
        empty.push(`${await panel.getAttribute('data-panel')}`);
      }
      await page.close();
    }
  } finally {
    await browser.close();
    await server.close();
  }
  return empty;
}
