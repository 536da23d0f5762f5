/** Every page in light and dark, on a desktop and a phone: axe finds nothing serious. With SINAESTA_SHOTS each is pictured. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { newExam, single } from '../../../tests/client/exam-helpers.mjs';
import { join, ok, say } from '../../../tests/client/harness.mjs';
import { DEMO_USERS, startBrowser } from '../browser.mjs';

const SHOTS = process.env.SINAESTA_SHOTS;
const { stack, open } = await startBrowser({
  gateways: [{ SINAESTA__WEB__DEMO_USERS: DEMO_USERS }],
  exams: [{}],
  boards: [{}],
  bells: [{}],
});

const putri = stack.user({ name: 'Putri Maharani', specialty: 'Ilmu Penyakit Dalam' });
const bagus = stack.user({ name: 'dr. Bagus Santoso, Sp.PD', role: 'MENTOR' });
const ratna = stack.user({ name: 'Ratna Wulandari', role: 'SUPER_ADMIN' });
const questions = Array.from({ length: 12 }, (_, n) =>
  single(n % 5, {
    text: `Laki-laki ${40 + n} tahun datang dengan nyeri dada sejak ${n + 1} jam. Apa langkah pertama?`,
    options: ['Elektrokardiogram 12 sadapan', 'Foto toraks', 'Ekokardiografi', 'Pemeriksaan troponin', 'CT angiografi'],
    category: n % 2 ? 'Kardiologi' : 'Kegawatdaruratan',
  }),
);
const [open1, sat] = [
  await newExam(stack, bagus, { title: 'Tryout Penyakit Dalam', questions }),
  await newExam(stack, bagus, { title: 'Tryout Kardiologi', questions }),
];

/** What there is to see: a conversation, a graded exam, a board, notifications, a group. */
async function furnish() {
  const [student, mentor] = [await stack.connect({ token: putri.token }), await stack.connect({ token: bagus.token })];
  const room = `mentor:${putri.id}`;
  for (const client of [student, mentor]) await join(client, room);
  await say(student, room, 'Dokter, apakah <b>troponin</b> harus diulang setelah 3 jam?');
  const answer = await say(
    mentor,
    room,
    'Ya: 0 dan 3 jam, atau 0 dan 1 jam dengan uji sensitif tinggi. K+ <3.5 dikoreksi dulu.',
  );
  await ok(student, 'message-react', { messageId: answer.id, emoji: '🙏' });
  await say(student, room, 'Terima kasih!', { replyTo: answer.id });
  for (const [n, name] of [
    'Rizky Pratama',
    'Ayu Lestari',
    'Dewi Anggraini',
    'Fajar Nugroho',
    'Putri Maharani',
  ].entries()) {
    const user = name === putri.name ? putri : stack.user({ name });
    const client = await stack.connect({ token: user.token });
    await ok(client, 'join-exam', { examId: sat.id });
    for (let question = 0; question < 12 - n * 2; question += 1)
      await ok(client, 'exam-answer', { examId: sat.id, questionIndex: question, answer: question % 5 });
    await ok(client, 'exam-complete', { examId: sat.id });
  }
  await ok(student, 'study-group-create', {
    name: 'EKG setiap Selasa',
    description: 'Membaca sepuluh rekaman bersama, dari irama sampai iskemia.',
    specialty: 'Kardiologi',
  });
  await ok(mentor, 'notification-send', {
    userId: putri.id,
    type: 'SYSTEM',
    title: 'Jadwal berubah',
    message: 'Diskusi kasus dipindah ke pukul 19.00.',
    priority: 'high',
  });
  await ok(mentor, 'notification-send', {
    userId: putri.id,
    type: 'EXAM_UPDATE',
    title: 'Ujian dimulai sekarang',
    message: 'Masuk ke ruang ujian.',
    priority: 'urgent',
    actionUrl: '/exams',
  });
  const watched = await stack.connect({ token: stack.user({ name: 'Rizky Pratama' }).token });
  await ok(watched, 'join-exam', { examId: open1.id });
}
await furnish();

/** Each page: whose, where, and what shows that it is there. @type {[string, import('../../../tests/client/harness.mjs').User | null, string, string][]} */
const PAGES = [
  ['sign-in', null, '/', 'text=Putri Maharani'],
  ['chat', putri, `/chat/mentor:${putri.id}`, '[data-testid=message]'],
  ['chat-empty', putri, '/chat', '[data-testid=room]'],
  ['exams', putri, '/exams', 'article'],
  ['exam', putri, `/exams/${open1.id}`, '[data-testid=exam-question]'],
  ['exam-result', putri, `/exams/${sat.id}`, '[data-testid=exam-result]'],
  ['leaderboard', putri, '/leaderboard', '[data-testid=entry]'],
  ['groups', putri, '/groups', '[data-testid=study-group]'],
  ['notifications', putri, '/notifications', 'main [data-testid=notification]'],
  ['proctor', bagus, `/proctor/${open1.id}`, '[data-testid=participant]'],
  ['admin', ratna, '/admin', 'article'],
  ['not-found', putri, '/nowhere', 'text=There is nothing here'],
];

/** What keeps somebody from using a page as it is now. @param {import('playwright-core').Page} page */
async function serious(page) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .slice(0, 3)
          .map((node) => `${node.html.slice(0, 160)} ${node.any[0]?.message ?? ''}`)
          .join(' | ')}`,
    );
}

for (const [name, user, where, there] of PAGES) {
  stack.check(`${name}: nothing serious, light and dark, desktop and phone`, async () => {
    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
      for (const [device, viewport] of Object.entries({
        desktop: { width: 1280, height: 800 },
        phone: { width: 390, height: 844 },
      })) {
        const { page, context, problems } = await open(user ?? { token: '' }, where, {
          colorScheme,
          viewport,
          reducedMotion: 'reduce',
        });
        if (user === null) {
          await page.addInitScript(() => sessionStorage.removeItem('sinaesta-demo'));
          await page.reload();
        }
        await page.locator(there).first().waitFor();
        await page.evaluate(() => document.fonts.ready);
        assert.deepEqual(await serious(page), [], `${colorScheme}, ${device}`);
        const wide = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        assert.ok(wide <= 0, `${colorScheme}, ${device}: ${wide} pixels wider than the screen`);
        assert.deepEqual(problems, []);
        if (SHOTS) {
          await mkdir(SHOTS, { recursive: true });
          await page.screenshot({ path: path.join(SHOTS, `${name}-${device}-${colorScheme}.png`) });
        }
        await context.close();
      }
    }
  });
}

stack.check('what pops up: nothing serious, light and dark', async () => {
  const student = stack.user({ name: 'Ayu Lestari' });
  const mentor = await stack.connect({ token: bagus.token });
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    const { page, context, problems } = await open(student, '/exams', { colorScheme, reducedMotion: 'reduce' });
    await page.locator('article').first().waitFor();
    for (const priority of /** @type {const} */ (['urgent', 'high', 'low'])) {
      const message = `Diskusi kasus dipindah (${colorScheme}, ${priority}).`;
      await ok(mentor, 'notification-send', {
        userId: student.id,
        type: 'SYSTEM',
        title: 'Jadwal berubah',
        message,
        priority,
      });
      await page.getByRole('alert').filter({ hasText: message }).waitFor();
      assert.deepEqual(await serious(page), [], `${colorScheme}, ${priority}`);
    }
    await page.goto(new URL('/groups', page.url()).href);
    await page.getByRole('button', { name: 'New group' }).first().click();
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).waitFor();
    assert.deepEqual(await serious(page), [], `${colorScheme}, dialog`);
    assert.deepEqual(problems, []);
    await context.close();
  }
});
