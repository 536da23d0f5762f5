/** The page before a real stack: chat, an exam, the board and the bell, as people use them. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { api, newExam, score, single } from '../../../tests/client/exam-helpers.mjs';
import { ok, until } from '../../../tests/client/harness.mjs';
import { DEMO_USERS, startBrowser } from '../browser.mjs';

const { stack, browser, gateway, open } = await startBrowser({
  gateways: [{ SINAESTA__WEB__DEMO_USERS: DEMO_USERS }, {}],
  exams: [{}],
  boards: [{}],
  bells: [{}],
});
const [, otherGateway] = stack.gateways;
assert.ok(otherGateway);

/** @param {import('playwright-core').Page} page @param {string} text */
const message = (page, text) => page.getByTestId('message').filter({ hasText: text });

/** @param {import('playwright-core').Page} page @param {string} text */
async function write(page, text) {
  await page.getByRole('textbox', { name: 'Message' }).fill(text);
  await page.keyboard.press('Enter');
}

/** @param {import('playwright-core').Page} page */
const joined = (page) => page.waitForSelector('[data-testid=chat][data-joined=true]');

stack.check('anybody is somebody by one click, in either language, until they sign out', async () => {
  const fresh = await (await browser.newContext({ locale: 'id-ID' })).newPage();
  await fresh.goto(gateway.url);
  await fresh.getByRole('button', { name: /Putri Maharani/ }).click();
  await fresh.waitForSelector('[data-testid=connection-status][data-state=connected]', { state: 'attached' });
  await fresh.getByRole('link', { name: 'Peringkat' }).waitFor();
  await fresh.getByRole('button', { name: 'English' }).click();
  await fresh.getByRole('link', { name: 'Leaderboard' }).waitFor();
  await fresh.getByTestId('profile').click();
  await fresh.getByRole('menuitem', { name: 'Sign out' }).click();
  await fresh.getByText('Who would you like to be?').waitFor();
  await fresh.context().close();
});

// The control: a client that asks for another token once only, at once: it is of the revocation's second, and refused.
stack.check('who was signed out by the server is signed in again by the page, or asked to', async () => {
  const chief = stack.user({ role: 'SUPER_ADMIN' });
  const revoke = async (/** @type {string} */ id) => {
    const { status } = await api(stack, chief, 'POST', `/api/users/${id}/tokens/revoke`, {});
    assert.equal(status, 204);
  };
  const page = await (await browser.newContext({ locale: 'en-GB' })).newPage();
  await page.goto(gateway.url);
  await page.getByRole('button', { name: /Putri Maharani/ }).click();
  const connected = () =>
    page.waitForSelector('[data-testid=connection-status][data-state=connected]', { state: 'attached' });
  await connected();
  const { body } = await api(stack, null, 'GET', '/api/demo/people');
  const putri = body.people.find((/** @type {any} */ one) => one.name === 'Putri Maharani');
  // Early in a second: what the page asks for at first is of the same one.
  await until(() => Date.now() % 1_000 < 100, { every: 5, what: 'a second to begin' });
  const again = page.waitForResponse(/demo\/sign-in/);
  await revoke(putri.id);
  await again;
  await connected();
  await page.getByRole('link', { name: 'Exams' }).click();
  await page.getByRole('heading', { name: 'Exams' }).waitFor();
  await page.context().close();

  const guest = stack.user({ name: 'Tamu' });
  const other = await open(guest, '/chat');
  await other.page.waitForSelector('[data-testid=connection-status][data-state=connected]', { state: 'attached' });
  await revoke(guest.id);
  await other.page.getByRole('button', { name: 'Sign in' }).click();
  await other.page.getByText('Who would you like to be?').waitFor();
  await other.context.close();
});

stack.check('two people talk, over two gateways; typing and read marks appear', async () => {
  const [putri, bagus] = [stack.user({ name: 'Putri' }), stack.user({ name: 'dr. Bagus', role: 'MENTOR' })];
  const room = `mentor:${putri.id}`;
  const one = await open(putri, `/chat/${room}`);
  await joined(one.page);
  const two = await open(bagus, `/chat/${room}`, { url: otherGateway.url });
  await joined(two.page);
  await two.page.getByRole('textbox', { name: 'Message' }).pressSequentially('Ha');
  await one.page.getByText('dr. Bagus is typing…').waitFor();
  await write(two.page, 'Halo <b>Putri</b>, K+ <3.5?');
  await message(one.page, 'Halo Putri, K+ <3.5?').waitFor();
  await one.page.getByText('dr. Bagus is typing…').waitFor({ state: 'detached' });
  await one.page.bringToFront();
  await message(two.page, 'Halo Putri').getByRole('img', { name: 'Read', exact: true }).waitFor();
  // A reaction, a reply and a correction show on both sides.
  await message(one.page, 'Halo Putri').hover();
  await message(one.page, 'Halo Putri').getByRole('button', { name: 'Reply' }).click();
  await write(one.page, 'Halo, dokter');
  await message(two.page, 'Halo, dokter').getByText('dr. Bagus: Halo Putri').waitFor();
  await message(two.page, 'Halo Putri').getByRole('button', { name: '1 reply' }).waitFor();
  await message(two.page, 'Halo, dokter').hover();
  await message(two.page, 'Halo, dokter')
    .getByRole('button', { name: /^React with/ })
    .click();
  await two.page.getByRole('menuitem', { name: 'React with 👍' }).click();
  await message(one.page, 'Halo, dokter').getByRole('button', { name: '👍, 1' }).waitFor();
  assert.deepEqual([one.problems, two.problems], [[], []]);
});

stack.check('a message written without a connection arrives once when there is one again', async () => {
  const room = `luring-${randomUUID()}`;
  const [ann, ben] = [stack.user({ name: 'Ann' }), stack.user({ name: 'Ben' })];
  const one = await open(ann, `/chat/${room}`);
  const two = await open(ben, `/chat/${room}`);
  await Promise.all([joined(one.page), joined(two.page)]);
  await one.context.setOffline(true);
  await one.page.getByText('You are offline').waitFor();
  for (const text of ['pertama', 'kedua', 'ketiga']) await write(one.page, text);
  await message(one.page, 'ketiga').getByRole('img', { name: 'Waiting for the connection' }).waitFor();
  await one.context.setOffline(false);
  await message(two.page, 'ketiga').waitFor();
  await message(one.page, 'ketiga')
    .getByRole('img', { name: /Sent|Read/ })
    .waitFor();
  const shown = (/** @type {import('playwright-core').Page} */ page) =>
    page.getByTestId('message-text').allTextContents();
  assert.deepEqual(await shown(two.page), ['pertama', 'kedua', 'ketiga']);
  assert.deepEqual(await shown(one.page), ['pertama', 'kedua', 'ketiga']);
  const stored = await stack.sql('select message from chat_messages where room_id = $1 order by seq', [room]);
  assert.deepEqual(
    stored.map((/** @type {any} */ row) => row.message),
    ['pertama', 'kedua', 'ketiga'],
  );
});

stack.check('a file goes up with progress, is shown, and stays for those in the room', async () => {
  const room = `berkas-${randomUUID()}`;
  const [ann, ben] = [stack.user({ name: 'Ann' }), stack.user({ name: 'Ben' })];
  const one = await open(ann, `/chat/${room}`);
  const two = await open(ben, `/chat/${room}`);
  await Promise.all([joined(one.page), joined(two.page)]);
  // A picture as a browser makes one.
  const made = await one.page.evaluate(() => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 400, height: 200 });
    canvas.getContext('2d')?.fillRect(20, 20, 100, 50);
    return canvas.toDataURL('image/png').split(',')[1] ?? '';
  });
  const png = Buffer.from(made, 'base64');
  await one.page.getByTestId('file-input').setInputFiles({ name: 'ekg.png', mimeType: 'image/png', buffer: png });
  await two.page.getByRole('button', { name: 'Open ekg.png' }).waitFor();
  const width = await two.page
    .getByRole('img', { name: 'ekg.png' })
    .evaluate((image) => /** @type {HTMLImageElement} */ (image).naturalWidth);
  assert.equal(width, 320, 'the smaller image');
  await two.page.getByRole('button', { name: 'Open ekg.png' }).click();
  const whole = two.page.getByRole('dialog').getByRole('img', { name: 'ekg.png' });
  await whole.waitFor();
  assert.equal(await whole.evaluate((image) => /** @type {HTMLImageElement} */ (image).naturalWidth), 400);
});

stack.check(
  'an exam is sat with a reload in its middle and graded, whatever the machine takes for the time',
  async () => {
    const author = stack.user({ role: 'MENTOR' });
    const questions = [
      ...Array.from({ length: 6 }, (_, n) => single(n % 5, { text: `Soal ${n + 1}` })),
      { text: 'Berapa?', options: [], key: { kind: 'numeric', value: 7.5, tolerance: 0 } },
    ];
    const exam = await newExam(stack, author, { questions, durationMinutes: 30 });
    const student = stack.user({ name: 'Putri' });
    const { page, problems, context } = await open(student, '/');
    // This machine's clock is an hour ahead from now on.
    await context.addInitScript(() => {
      const Real = Date;
      const ahead = 3_600_000;
      class Wrong extends Real {
        constructor(/** @type {any[]} */ ...given) {
          super(...(given.length === 0 ? /** @type {any} */ ([Real.now() + ahead]) : /** @type {any} */ (given)));
        }
        static now() {
          return Real.now() + ahead;
        }
      }
      Object.assign(window, { Date: Wrong });
    });
    await page.goto(`${gateway.url}/exams/${exam.id}`);
    const answers = [0, 1, 2, 0, 4, 0];
    const choose = async (/** @type {number} */ question) => {
      await page.waitForSelector(`[data-testid=exam-question][data-index="${question}"]`);
      await page.keyboard.press(String((answers[question] ?? 0) + 1));
      await page.waitForSelector('[data-testid=exam-answer-state][data-state=saved]');
    };
    for (const question of [0, 1, 2]) {
      await choose(question);
      await page.keyboard.press('j');
    }
    // When the shown second changes, the server has that many seconds left, to a quarter of one.
    const [session] = await stack.sql('select ends_at from exam_sessions where exam_id = $1', [exam.id]);
    const shown = () => page.getByTestId('exam-timer').getAttribute('data-seconds').then(Number);
    for (let look = 0; look < 3; look += 1) {
      const { seconds, at } = await page.evaluate(
        () =>
          new Promise((resolve) => {
            const timer = /** @type {Element} */ (document.querySelector('[data-testid=exam-timer]'));
            const observer = new MutationObserver(() => {
              observer.disconnect();
              // What performance.timeOrigin says is no Date's doing.
              resolve({
                seconds: Number(timer.getAttribute('data-seconds')),
                at: performance.timeOrigin + performance.now(),
              });
            });
            observer.observe(timer, { attributes: true, attributeFilter: ['data-seconds'] });
          }),
      );
      const real = (new Date(session.ends_at).getTime() - at) / 1000;
      assert.ok(Math.abs(real - seconds) <= 0.25, `${seconds} s are shown, ${real} s are left`);
    }
    assert.ok((await shown()) > 1_700);
    // Without a connection answers stay on the device, through a reload.
    await context.setOffline(true);
    await page.waitForSelector('[data-testid=exam][data-joined=false]');
    await page.keyboard.press('1');
    await page.waitForSelector('[data-testid=exam-answer-state][data-state=waiting]');
    assert.deepEqual(
      await stack.sql(
        'select count(*)::int as count from exam_answers where session_id in (select id from exam_sessions where exam_id = $1) and question_index = 3',
        [exam.id],
      ),
      [{ count: 0 }],
    );
    await context.setOffline(false);
    await page.reload();
    await page.waitForSelector('[data-testid=exam][data-joined=true]');
    await page.getByRole('button', { name: /^Question 4 of 7/ }).click();
    await page.waitForSelector('[data-testid=exam-answer-state][data-state=saved]');
    assert.ok(await page.getByTestId('exam-option-0').isChecked());
    for (const question of [4, 5]) {
      await page.keyboard.press('j');
      await choose(question);
    }
    await page.keyboard.press('j');
    await page.getByTestId('exam-number').fill('7,5');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[data-testid=exam-answer-state][data-state=saved]');
    await page.getByTestId('exam-hand-in').click();
    await page.getByText('You have answered every question.').waitFor();
    await page.getByTestId('exam-confirm').click();
    await page.getByTestId('exam-result').waitFor();
    const expected = score({ ...exam, questions: exam.questions.slice(0, 6) }, answers) + 1;
    assert.equal(Number(await page.getByTestId('exam-score').getAttribute('data-score')), expected);
    await page.reload();
    await page.getByTestId('exam-result').waitFor();
    assert.deepEqual(problems, []);
  },
);

stack.check('the board moves when a result comes', async () => {
  const author = stack.user({ role: 'MENTOR' });
  const exam = await newExam(stack, author, { questions: [single(0), single(0), single(0)], specialty: 'Ilmu Bedah' });
  const sit = async (
    /** @type {import('../../../tests/client/harness.mjs').User} */ who,
    /** @type {number} */ right,
  ) => {
    const client = await stack.connect({ token: who.token });
    await ok(client, 'join-exam', { examId: exam.id });
    for (let question = 0; question < right; question += 1)
      await ok(client, 'exam-answer', { examId: exam.id, questionIndex: question, answer: 0 });
    await ok(client, 'exam-complete', { examId: exam.id });
  };
  const [ann, ben] = [stack.user({ name: 'Ann Papan' }), stack.user({ name: 'Ben Papan' })];
  await sit(ann, 1);
  const { page } = await open(ann, '/leaderboard');
  await page.getByRole('combobox', { name: 'Specialty' }).click();
  await page.getByRole('option', { name: 'Ilmu Bedah' }).click();
  const names = () => page.getByTestId('entry').allTextContents();
  await until(async () => (await names()).length === 1, { what: 'the board' });
  await sit(ben, 3);
  await until(async () => /Ben Papan/.test((await names())[0] ?? '') && /Ann Papan/.test((await names())[1] ?? ''), {
    what: 'the board to move',
  });
  await page.getByTestId('user-rank').getByText('#2').waitFor();
});

stack.check('the badge agrees in two tabs', async () => {
  const user = stack.user();
  const first = await open(user, '/chat');
  const second = await open(user, '/leaderboard', { context: first.context, url: otherGateway.url });
  const client = await stack.connect({ token: user.token });
  for (let n = 1; n <= 7; n += 1)
    await ok(client, 'notification-send', { type: 'SYSTEM', title: `Nomor ${n}`, message: 'x' });
  const badge = (/** @type {import('playwright-core').Page} */ page) =>
    page.getByRole('button', { name: /^Notifications, / }).getAttribute('aria-label');
  const both = (/** @type {string} */ label) =>
    until(async () => (await badge(first.page)) === label && (await badge(second.page)) === label, { what: label });
  await both('Notifications, 7 unread');
  await first.page.getByRole('button', { name: /^Notifications, / }).click();
  await first.page
    .getByTestId('notification')
    .filter({ hasText: 'Nomor 3' })
    .getByRole('button', { name: 'Mark as read' })
    .click();
  await both('Notifications, 6 unread');
  await first.page.getByRole('button', { name: 'Mark all as read' }).click();
  await first.page.getByRole('button', { name: 'Notifications', exact: true }).waitFor();
  await second.page.getByRole('button', { name: 'Notifications', exact: true }).waitFor();
});

stack.check('preferences are kept, and what is switched off is not shown', async () => {
  const user = stack.user();
  const { page } = await open(user, '/notifications');
  const preferences = page.getByTestId('preferences');
  const announcements = preferences.getByRole('switch', { name: 'Announcements' });
  await announcements.click({ force: true });
  await until(async () => !(await announcements.isChecked()), { what: 'announcements to be off' });
  await preferences.getByRole('switch', { name: 'Quiet hours' }).click({ force: true });
  await preferences.getByLabel('From').waitFor();
  await page.reload();
  await preferences.getByLabel('Until').waitFor();
  assert.equal(await announcements.isChecked(), false);
  assert.equal(await preferences.getByLabel('From').inputValue(), '22:00');
  const client = await stack.connect({ token: user.token });
  await ok(client, 'notification-send', { type: 'SYSTEM', title: 'Tak terlihat', message: 'x' });
  await ok(client, 'notification-send', { type: 'EXAM_UPDATE', title: 'Terlihat', message: 'x' });
  await page.getByTestId('notification').filter({ hasText: 'Terlihat' }).waitFor();
  assert.equal(await page.getByText('Tak terlihat').count(), 0);
});

stack.check('a proctor sees students work, and gives them time', async () => {
  const mentor = stack.user({ role: 'MENTOR', name: 'dr. Siti' });
  const exam = await newExam(stack, mentor, { questions: [single(0), single(1)], durationMinutes: 10 });
  const proctor = await open(mentor, `/proctor/${exam.id}`);
  const student = await open(stack.user({ name: 'Rizky' }), `/exams/${exam.id}`);
  const row = proctor.page.getByTestId('participant').filter({ hasText: 'Rizky' });
  await row.getByText('0 / 2').waitFor();
  await student.page.waitForSelector('[data-testid=exam-question]');
  await student.page.keyboard.press('1');
  await row.getByText('1 / 2').waitFor();
  await row.getByRole('button', { name: 'Actions: Rizky' }).click();
  await proctor.page.getByRole('menuitem', { name: '5 more minutes' }).click();
  await until(async () => Number(await student.page.getByTestId('exam-timer').getAttribute('data-seconds')) > 800, {
    what: 'more time',
  });
  await proctor.page.getByRole('button', { name: 'Pause' }).click();
  await proctor.page.getByRole('button', { name: 'Yes, for everyone' }).click();
  await student.page.getByText('The exam is paused').waitFor();
});

stack.check(
  'an admin makes an exam, imports its questions with their faults shown, publishes it, and tells everybody',
  async () => {
    const admin = await open(stack.user({ role: 'SUPER_ADMIN', name: 'Ratna' }), '/admin');
    const { page } = admin;
    await page.getByLabel('Title').fill('Tryout baru');
    await page.getByLabel('Specialty').first().fill('Ilmu Bedah');
    await page.getByRole('button', { name: 'Create draft' }).click();
    const desk = page.getByRole('article', { name: 'Tryout baru' });
    await desk.getByRole('textbox', { name: 'Questions' }).fill('text,option_a,option_b,correct\nSatu?,ya,tidak,C\n');
    await desk.getByRole('button', { name: 'Import' }).click();
    await desk.getByText(/^Line 2: /).waitFor();
    await desk
      .getByRole('textbox', { name: 'Questions' })
      .fill('text,option_a,option_b,correct\nSatu?,ya,tidak,A\nDua?,ya,tidak,B\n');
    await desk.getByRole('button', { name: 'Import' }).click();
    await desk.getByText('2 questions were imported').waitFor();
    await desk.getByRole('button', { name: 'Publish' }).click();
    await desk.getByText('Published').first().waitFor();
    const student = await open(stack.user(), '/exams');
    await student.page.getByRole('article', { name: 'Tryout baru' }).waitFor();
    await page.getByRole('tab', { name: 'Announcements' }).click();
    await page.getByLabel('Title').fill('Pengumuman');
    await page.getByLabel('Text').fill('Ujian dimulai');
    await page.getByRole('button', { name: 'Send' }).click();
    await student.page.getByRole('button', { name: 'Notifications, 1 unread' }).waitFor();
  },
);
