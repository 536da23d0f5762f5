/** What of a message is markup and what text, from whoever writes it to all the places where it is read. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { join, newRoom, next, ok, refusal, request, say, startStack } from './harness.mjs';

/**
 * What is sent, how it is stored, and what a reader sees of it; `plain`, where lines are elements.
 *
 * @type {{ sent: string, message: string, format: 'text' | 'html', text: string, plain?: string }[]}
 */
const SAMPLES = JSON.parse(readFileSync(new URL('../../shared/contracts/samples/messages.json', import.meta.url), 'utf8'));

const stack = await startStack({ bells: [{}] });

async function person(/** @type {Parameters<typeof stack.user>[0]} */ more = {}) {
  const user = stack.user(more);
  return { user, client: await stack.connect({ token: user.token }) };
}

stack.check('a message is stored as text or as HTML, says which, and nothing typed as text is lost', async () => {
  const [writer, reader] = [await person(), await person()];
  const roomId = newRoom();
  for (const { client } of [writer, reader]) await join(client, roomId);
  assert.ok(SAMPLES.length > 40);
  for (const { sent, message, format } of SAMPLES) {
    const stored = await say(writer.client, roomId, sent);
    assert.deepEqual([stored.message, stored.format], [message, format], `from ${sent}`);
    assert.deepEqual(await next(reader.client, 'receive-message', (one) => one.id === stored.id), stored);
  }
  const expected = SAMPLES.map(({ message, format }) => [message, format]);
  const { messages } = await ok(reader.client, 'message-history', { roomId, limit: 100 });
  assert.deepEqual(messages.map((one) => [one.message, one.format]), expected);
  const { messages: missed } = await join(reader.client, roomId, { sinceSeq: 0 });
  assert.deepEqual(missed, messages);
});

stack.check('an edit has a format of its own, and what was said before keeps that which it had', async () => {
  const writer = await person();
  const roomId = newRoom();
  await join(writer.client, roomId);
  const { id: messageId } = await say(writer.client, roomId, '<b>K+</b> 3');
  for (const [sent, message, format] of [
    ['K+ <3.5', 'K+ <3.5', 'text'],
    ['Vec<String>', 'Vec&lt;String&gt;', 'html'],
    ['<b>x</b>', '<b>x</b>', 'html'],
  ]) {
    const { message: edited } = await ok(writer.client, 'message-edit', { messageId, message: sent });
    assert.deepEqual([edited.message, edited.format], [message, format]);
    const { rooms } = await ok(writer.client, 'room-list', {});
    assert.deepEqual(rooms[0].last_message, edited);
  }
  await refusal(writer.client, 'message-edit', { messageId, message: '\u2060\u00ad' }, 'chat/empty-message');
  await ok(writer.client, 'message-remove', { messageId });
  const { messages } = await ok(writer.client, 'message-history', { roomId });
  assert.deepEqual(messages.map((one) => [one.message, one.format]), [['', 'text']]);
  const kept = await stack.sql('select before, format from chat_message_edits where message_id = $1 order by at, command_id', [messageId]);
  assert.deepEqual(kept.map((/** @type {any} */ one) => [one.before, one.format]), [
    ['<b>K+</b> 3', 'html'], ['K+ <3.5', 'text'], ['Vec&lt;String&gt;', 'html'], ['<b>x</b>', 'html'],
  ]);
});

stack.check('whoever is told of a message is told text', async () => {
  const [away, here] = [await person(), await person()];
  const { roomId } = await join(here.client, `direct:${here.user.id}:${away.user.id}`);
  for (const { sent, text, plain } of SAMPLES) {
    await say(here.client, roomId, sent);
    const wanted = [...(plain ?? text)].slice(0, 120).join('');
    await next(away.client, 'new-notification', (told) => told.message === wanted);
  }
  const long = `<p>${'<b>x</b>&lt; '.repeat(40)}</p>`;
  await say(here.client, roomId, long);
  await next(away.client, 'new-notification', (told) => told.message === 'x&lt; '.repeat(20));
});

stack.check('words are found wherever they are text, and tags and escapes are not', async () => {
  const writer = await person();
  const roomId = newRoom();
  await join(writer.client, roomId);
  const texts = ['RR<normal and HR>100', '<strong>troponin</strong> positif', 'satu<br>dua<p>tiga</p>empat', '<em>jan</em>tung', 'Vec<String>', 'a &amp; b', '<john@x.org>'];
  const sent = [];
  for (const text of texts) sent.push((await say(writer.client, roomId, text)).seq);
  const found = async (/** @type {string} */ query) => (await ok(writer.client, 'message-search', { roomId, query })).messages.map((one) => sent.indexOf(one.seq));
  const cases = /** @type {const} */ ([
    ['normal', [0]], ['HR', [0]], ['troponin', [1]], ['strong', []], ['dua', [2]], ['empat', [2]], ['br', []], ['jantung', [3]], ['em', []],
    ['String', [4]], ['lt', []], ['gt', []], ['amp', [5]], ['john@x.org', [6]], ['<john@x.org>', [6]],
  ]);
  for (const [query, expected] of cases) assert.deepEqual(await found(query), expected, query);
  const { messages: [first] } = await ok(writer.client, 'message-history', { roomId });
  await ok(writer.client, 'message-edit', { messageId: first.id, message: '<i>saturasi</i> <tinggi and >90' });
  for (const [query, expected] of /** @type {const} */ ([['normal', []], ['saturasi', [0]], ['tinggi', [0]], ['i', []]])) {
    assert.deepEqual(await found(query), expected, `${query}, after it was edited`);
  }
});

stack.check('names of people, groups and files are text, to the character', async () => {
  const name = '<b>EKG<i> & K+ <3.5 &amp; x<y';
  const { client, user } = await person({ name });
  const roomId = newRoom();
  const { members } = await join(client, roomId);
  assert.deepEqual(members.map((one) => one.userName), [name]);
  assert.equal((await say(client, roomId, 'x')).sender_name, name);
  const group = await ok(client, 'study-group-create', { name, description: name, specialty: name });
  assert.deepEqual([group.name, group.description, group.specialty], [name, name, name]);
  const body = `--x\r\ncontent-disposition: form-data; name="file"; filename="${name}.pdf"\r\n\r\n%PDF-1.7\nx\n%%EOF\r\n--x--\r\n`;
  const headers = { authorization: `Bearer ${user.token}`, 'content-type': 'multipart/form-data; boundary=x' };
  const [gateway] = stack.gateways;
  const uploaded = JSON.parse((await request(`${gateway?.url}/api/files`, { method: 'POST', headers, body })).text);
  const posted = await say(client, roomId, 'berkas', { messageType: 'file', fileUrl: uploaded.fileUrl });
  assert.equal(posted.file_name, `${name}.pdf`);
});
