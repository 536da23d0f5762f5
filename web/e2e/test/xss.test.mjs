/**
 * What people write, are called, and call their groups and files does nothing in the page but be read: a well-known set of
 * vectors (OWASP's filter evasion list, and some that are newer), each as message, group, file, name and notification.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { emitAck, join, ok, request } from '../../../tests/client/harness.mjs';
import { startBrowser } from '../browser.mjs';

/** @type {string[]} */
const VECTORS = JSON.parse(readFileSync(new URL('../data/xss.json', import.meta.url), 'utf8'));
const PDF = '%PDF-1.7\nx\n%%EOF';

const { stack, gateway, open } = await startBrowser({ bells: [{}] });

/**
 * A victim's page that notes whatever runs or is fetched. The page's policy would stop most of it: it is switched off, so
 * that what is seen is what the components do.
 *
 * @param {{ token: string }} user @param {string} where
 * @param {(page: import('playwright-core').Page) => Promise<void>} [prepare] what is done before the page is opened
 */
async function victim(user, where, prepare) {
  const opened = await open(user, '/chat', { bypassCSP: true });
  const { page, context } = opened;
  /** @type {string[]} */
  const foreign = [];
  context.on('request', (sent) => {
    const { origin, protocol } = new URL(sent.url());
    if (!['data:', 'blob:'].includes(protocol) && origin !== gateway.url) foreign.push(sent.url());
  });
  page.on('dialog', (dialog) => {
    foreign.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.addInitScript(() => {
    const ran = /** @type {string[]} */ ([]);
    Object.assign(window, { ran });
    for (const name of /** @type {const} */ (['alert', 'confirm', 'prompt'])) {
      Object.assign(window, { [name]: (/** @type {unknown} */ said) => ran.push(`${name} ${said}`) });
    }
  });
  await prepare?.(page);
  await page.goto(gateway.url + where);
  return { ...opened, foreign };
}

const CHARACTERS = { amp: '&', lt: '<', gt: '>', quot: '"', '#13': '\r' };

/** What a message says. @param {{ message: string, format: string }} message */
function decode({ message, format }) {
  if (format === 'text') return message;
  const text = message.replace(/<[^>]*>/g, '');
  return text.replace(/&(amp|lt|gt|quot|#13);/g, (_, name) => Reflect.get(CHARACTERS, name));
}

/** Waits for a message at the end of the log, where a reader stays who never scrolled. @param {import('playwright-core').Page} page @param {number} seq */
const shows = (page, seq) => page.locator(`[data-seq="${seq}"]`).waitFor();

/** Everything in the page that could run or fetch something. @param {import('playwright-core').Page} page */
const suspicious = (page) =>
  page.evaluate(() => {
    const found = [.../** @type {string[]} */ (Reflect.get(window, 'ran'))];
    for (const element of document.body.querySelectorAll('*')) {
      const name = element.tagName.toLowerCase();
      if (['iframe', 'frame', 'object', 'embed', 'base', 'meta', 'link', 'math', 'form[action]'].includes(name))
        found.push(element.outerHTML);
      if (name === 'script' && !element.getAttribute('src')?.startsWith('/assets/')) found.push(element.outerHTML);
      for (const { name: attribute, value } of element.attributes) {
        const leads = /^(href|src|srcset|action|formaction|xlink:href|data|poster|background|srcdoc)$/.test(attribute);
        // Browsers pass over white space and control characters in an address.
        const address = [...value].filter((c) => c > ' ').join('');
        if (/^on/i.test(attribute) || (leads && /^(javascript|vbscript|data):/i.test(address)))
          found.push(`${name} ${attribute}=${value}`);
        if (leads && name !== 'a' && /evil/.test(value)) found.push(`${name} ${attribute}=${value}`);
        if (attribute === 'style' && /evil|javascript|expression|fixed/i.test(value))
          found.push(`${name} ${attribute}=${value}`);
      }
      if (name === 'style' && /evil|XSS/.test(element.textContent ?? '')) found.push(element.outerHTML);
    }
    return found;
  });

/** @param {{ token: string }} user @param {string} name */
async function upload(user, name) {
  // As browsers write a name into the form: quotes and line ends are escaped.
  const escaped = name.replaceAll('"', '%22').replaceAll('\n', '%0A').replaceAll('\r', '%0D');
  const body = `--x\r\ncontent-disposition: form-data; name="file"; filename="${escaped}"\r\n\r\n${PDF}\r\n--x--\r\n`;
  const headers = { authorization: `Bearer ${user.token}`, 'content-type': 'multipart/form-data; boundary=x' };
  const answer = await request(`${gateway.url}/api/files`, { method: 'POST', headers, body });
  return { status: answer.status, file: JSON.parse(answer.text) };
}

stack.check('messages, the names of those who write them, and of the files they post', async () => {
  const reader = stack.user({ name: 'Putri' });
  const { page, foreign, problems } = await victim(reader, '/chat/xss-room');
  await page.waitForSelector('[data-testid=chat][data-joined=true]');
  let shown = 0;
  for (const vector of VECTORS) {
    const writer = stack.user({ name: vector.slice(0, 100) });
    const client = await stack.connect({ token: writer.token });
    await join(client, 'xss-room');
    let { status, file } = await upload(writer, `${vector}.pdf`);
    if (status !== 201) {
      // No form may have it in its header; then it is not a file's name either.
      assert.equal(file.error.code, 'request/invalid-payload', vector);
      ({ status, file } = await upload(writer, 'nama.pdf'));
    }
    assert.equal(status, 201, JSON.stringify(file));
    const sent = [
      await emitAck(client, 'send-message', { roomId: 'xss-room', message: vector }),
      await emitAck(client, 'send-message', {
        roomId: 'xss-room',
        message: `berkas ${vector}`,
        messageType: 'file',
        fileUrl: file.fileUrl,
      }),
    ];
    // Quoted, too, where there is something to quote.
    const [first] = sent;
    if (first.ok) {
      const reply = { roomId: 'xss-room', message: `<b>${vector}</b>`, replyTo: first.message.id };
      sent.push(await emitAck(client, 'send-message', reply));
    }
    for (const answer of sent) {
      if (answer.ok) {
        await shows(page, answer.message.seq);
        const text = page.locator(`[data-seq="${answer.message.seq}"] [data-testid=message-text]`);
        assert.equal(await text.textContent(), decode(answer.message), vector);
        if (answer.message.format === 'text') assert.ok(answer.message.message.endsWith(vector), vector);
        shown += 1;
      } else {
        assert.equal(answer.error.code, 'chat/empty-message', vector);
      }
    }
    assert.deepEqual(await suspicious(page), [], vector);
    client.close();
  }
  assert.ok(shown > VECTORS.length, `${shown} were shown`);
  // Whoever points at what was written, and walks over it with the keyboard, runs nothing either.
  await page.evaluate(() => {
    for (const element of document.querySelectorAll('[data-testid=message-text], [data-testid=message-text] *')) {
      for (const type of ['mouseover', 'mouseenter', 'mousemove', 'mouseout', 'wheel', 'focus', 'pointerover'])
        element.dispatchEvent(new MouseEvent(type, { bubbles: true, cancelable: true }));
    }
  });
  await page.locator('[data-testid=message-text]').last().hover();
  for (let key = 0; key < 40; key += 1) await page.keyboard.press('Tab');
  assert.deepEqual(await suspicious(page), []);
  assert.deepEqual(foreign, []);
  assert.deepEqual(problems, []);
});

stack.check('messages that nobody has sanitised, as text and as HTML', async () => {
  // What the server says is replaced on its way, so that the page meets each vector as it stands.
  const [reader, writer] = [stack.user(), stack.user()];
  const { page, foreign, problems } = await victim(reader, '/chat/xss-raw', (page) =>
    page.routeWebSocket(/socket\.io/, (socket) => {
      const server = socket.connectToServer();
      server.onMessage((frame) => {
        const replaced = String(frame).replace(
          /"message":"vector-(\d+)-(text|html)","format":"text"/g,
          (_, n, format) => JSON.stringify({ message: VECTORS[Number(n)], format }).slice(1, -1),
        );
        socket.send(typeof frame === 'string' ? replaced : frame);
      });
    }),
  );
  await page.waitForSelector('[data-testid=chat][data-joined=true]');
  const client = await stack.connect({ token: writer.token });
  await join(client, 'xss-raw');
  for (const [n, vector] of VECTORS.entries()) {
    const send = (/** @type {string} */ format) =>
      ok(client, 'send-message', { roomId: 'xss-raw', message: `vector-${n}-${format}` });
    const formats = ['text', 'html'];
    const sent = await Promise.all(formats.map(send));
    for (const [index, format] of formats.entries()) {
      const text = page.locator(`[data-seq="${sent[index].message.seq}"] [data-testid=message-text]`);
      await text.waitFor({ state: 'attached' });
      if (format === 'text') {
        assert.equal(await text.textContent(), vector);
        const names = await text.evaluate((element) => [...element.querySelectorAll('*')].map((one) => one.tagName));
        assert.ok(
          names.every((name) => name === 'A'),
          `${names} for ${vector}`,
        );
      }
    }
    assert.deepEqual(await suspicious(page), [], vector);
  }
  assert.deepEqual([foreign, problems], [[], []]);
});

stack.check('the names and descriptions of study groups', async () => {
  const reader = stack.user();
  const maker = await stack.connect({ token: stack.user({ role: 'MENTOR' }).token });
  const { page, foreign, problems } = await victim(reader, '/groups');
  await page.waitForSelector('[data-testid=study-groups]');
  for (const vector of VECTORS) {
    const made = await emitAck(maker, 'study-group-create', {
      name: vector.slice(0, 100),
      description: vector,
      specialty: vector.slice(0, 60),
    });
    assert.ok(made.ok, JSON.stringify(made));
    await page.waitForFunction(
      (name) =>
        [...document.querySelectorAll('[data-testid=study-group]')].some(
          (one) => one.getAttribute('aria-label') === name,
        ),
      made.name,
    );
    assert.deepEqual(await suspicious(page), [], vector);
    await ok(maker, 'study-group-leave', { groupId: made.id });
  }
  assert.deepEqual([foreign, problems], [[], []]);
});

stack.check('the titles, texts and addresses of notifications', async () => {
  const reader = stack.user();
  const sender = await stack.connect({ token: stack.user({ role: 'SUPER_ADMIN' }).token });
  const { page, foreign, problems } = await victim(reader, '/notifications');
  await page.waitForSelector('[data-testid=connection-status][data-state=connected]', { state: 'attached' });
  for (const vector of VECTORS) {
    const sent = await emitAck(sender, 'notification-send', {
      userId: reader.id,
      type: 'SYSTEM',
      title: vector.slice(0, 200),
      message: vector,
      priority: 'high',
    });
    assert.ok(sent.ok, `${vector}: ${JSON.stringify(sent)}`);
    // Only paths and http(s) addresses are taken at all.
    const address = await emitAck(sender, 'notification-send', {
      userId: reader.id,
      type: 'SYSTEM',
      title: 'x',
      message: 'x',
      actionUrl: vector,
    });
    if (address.ok) assert.match(vector, /^(https?:\/\/|\/)/);
    assert.deepEqual(await suspicious(page), [], vector);
  }
  await page.waitForFunction(
    (count) => document.querySelectorAll('main [data-testid=notification]').length >= count,
    VECTORS.length,
  );
  assert.deepEqual(await suspicious(page), []);
  assert.deepEqual([foreign, problems], [[], []]);
});
