/** What becomes of messages after they were posted: edits, reactions, threads, search, removal, muting. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { all, join, newRoom, next, ok, refusal, say, settled, startStack, until } from './harness.mjs';

const stack = await startStack({ gateways: [{}, {}], chats: [{}, {}] });
const [, otherGateway] = stack.gateways;

/** Two students in an open room, and a mentor, on two gateways. */
async function people() {
  const roomId = newRoom();
  const make = async (/** @type {string} */ role, /** @type {number | undefined} */ port) => {
    const user = stack.user({ role });
    const client = await stack.connect({ token: user.token, ...(port ? { port } : {}) });
    await join(client, roomId);
    return { user, client };
  };
  return { roomId, one: await make('STUDENT', undefined), two: await make('STUDENT', otherGateway?.port), mentor: await make('MENTOR', undefined) };
}

stack.check('a message is edited by its sender alone, and what it said before is kept', async () => {
  const { roomId, one, two, mentor } = await people();
  const message = await say(one.client, roomId, 'Halo <b>semua</b>');
  const { message: edited } = await ok(one.client, 'message-edit', { messageId: message.id, message: 'Halo <script>x</script><i>kalian</i>' });
  assert.deepEqual([edited.id, edited.seq, edited.message, edited.created_at], [message.id, message.seq, 'Halo <i>kalian</i>', message.created_at]);
  assert.ok(edited.edited_at);
  assert.deepEqual((await next(two.client, 'message-edited')).message, edited);
  const again = await join(mentor.client, roomId);
  assert.deepEqual(again.messages.at(-1), edited);
  for (const { client } of [two, mentor]) await refusal(client, 'message-edit', { messageId: message.id, message: 'x' }, 'chat/not-editable');
  await refusal(one.client, 'message-edit', { messageId: message.id, message: '<script>x</script>' }, 'chat/empty-message');
  await refusal(one.client, 'message-edit', { messageId: randomUUID(), message: 'x' }, 'chat/message-not-found');
  const history = await stack.sql('select before, by_user from chat_message_edits where message_id = $1', [message.id]);
  assert.deepEqual(history, [{ before: 'Halo <b>semua</b>', by_user: one.user.id }]);
});

stack.check('a message is removed by its sender, mentors and admins, and says nothing from then on', async () => {
  const { roomId, one, two, mentor } = await people();
  const first = await say(one.client, roomId, 'Kasar', { fileUrl: 'https://files.sinaesta.id/a.png', fileName: 'a.png', fileSize: 3, messageType: 'image' });
  await ok(two.client, 'message-react', { messageId: first.id, emoji: '👍' });
  await refusal(two.client, 'message-remove', { messageId: first.id }, 'auth/forbidden');
  const { ok: _, ...removed } = await ok(mentor.client, 'message-remove', { messageId: first.id });
  assert.deepEqual([removed.messageId, removed.roomId, removed.removedBy], [first.id, roomId, mentor.user.id]);
  for (const { client } of [one, two, mentor]) assert.deepEqual(await next(client, 'message-removed'), removed);
  // Once more: the same, and nobody is told again.
  await ok(one.client, 'message-remove', { messageId: first.id });
  const own = await say(two.client, roomId, 'Salah kirim');
  await ok(two.client, 'message-remove', { messageId: own.id });
  await next(one.client, 'message-removed', (told) => told.messageId === own.id);
  assert.equal(all(one.client, 'message-removed', (told) => told.messageId === first.id).length, 1);
  const { messages } = await join(one.client, roomId);
  assert.deepEqual(messages.map((/** @type {any} */ m) => [m.seq, m.message, m.file_url, m.file_name, m.reactions, m.removed_at === undefined]),
    [[1, '', null, null, undefined, false], [2, '', null, null, undefined, false]]);
  await refusal(one.client, 'message-edit', { messageId: first.id, message: 'x' }, 'chat/not-editable');
  await refusal(one.client, 'message-react', { messageId: first.id, emoji: '👍' }, 'chat/message-not-found');
});

stack.check('reactions are counted for everybody, each once for each', async () => {
  const { roomId, one, two, mentor } = await people();
  const message = await say(one.client, roomId, 'Siapa ikut?');
  await Promise.all([one, two, mentor].map(({ client }) => ok(client, 'message-react', { messageId: message.id, emoji: '👍' })));
  await ok(two.client, 'message-react', { messageId: message.id, emoji: '👍' });
  const { ok: _, ...last } = await ok(two.client, 'message-react', { messageId: message.id, emoji: '🫀' });
  assert.deepEqual(last.reactions.map((/** @type {any} */ one) => [one.emoji, one.count]), [['👍', 3], ['🫀', 1]]);
  assert.deepEqual(new Set(last.reactions[0].user_ids), new Set([one, two, mentor].map(({ user }) => user.id)));
  assert.deepEqual(await next(one.client, 'message-reactions', (told) => told.reactions.length === 2), last);
  const { reactions } = await ok(two.client, 'message-react', { messageId: message.id, emoji: '👍', on: false });
  assert.deepEqual(reactions.map((/** @type {any} */ one) => [one.emoji, one.count]), [['👍', 2], ['🫀', 1]]);
  assert.deepEqual((await join(one.client, roomId)).messages[0].reactions, reactions);
  for (const emoji of ['x', 'ab', '<b>', '👍👍', ':)', '1']) await refusal(one.client, 'message-react', { messageId: message.id, emoji }, 'chat/invalid-reaction');
  const many = ['😀', '😃', '😄', '😁', '😆', '😅', '🤣', '😂', '🙂', '🙃', '😉', '😊', '😇', '🥰', '😍', '🤩', '😘', '😗'];
  for (const emoji of many) await ok(one.client, 'message-react', { messageId: message.id, emoji });
  await refusal(one.client, 'message-react', { messageId: message.id, emoji: '🦴' }, 'chat/invalid-reaction');
});

stack.check('replies are counted, and read as a thread', async () => {
  const { roomId, one, two } = await people();
  const root = await say(one.client, roomId, 'Pertanyaan');
  for (let n = 1; n <= 5; n += 1) await say(two.client, roomId, `Jawaban ${n}`, { replyTo: root.id });
  const { messages } = await join(one.client, roomId);
  assert.equal(messages[0].reply_count, 5);
  const first = await ok(one.client, 'message-thread', { messageId: root.id, limit: 3 });
  assert.deepEqual([first.message.id, first.replies.map((/** @type {any} */ m) => m.message), first.hasMore], [root.id, ['Jawaban 1', 'Jawaban 2', 'Jawaban 3'], true]);
  const second = await ok(one.client, 'message-thread', { messageId: root.id, afterSeq: first.replies.at(-1).seq });
  assert.deepEqual([second.replies.map((/** @type {any} */ m) => m.message), second.hasMore], [['Jawaban 4', 'Jawaban 5'], false]);
  await refusal(one.client, 'message-thread', { messageId: randomUUID() }, 'chat/message-not-found');
});

// The control: with the message's text put into `to_tsvector` as it stands, most are found by themselves alone, and the address not at all.
stack.check('what is written as one word is found as a whole and by its parts', async () => {
  const { roomId, one, two } = await people();
  const address = 'https://guidelines.example.org/acs/2023/stemi.pdf?lang=id&v=2#page-4';
  const texts = ['Ada mual/muntah sejak pagi', '25mg/kgBB per hari', 'Beri IV/IM/SC', 'Kata dr.Sari begitu', 'Alur STEMI→PCI', 'demam.batuk.pilek', `Lihat ${address}`, 'pH 7.35 TD 120/80', 'muntah lalu mual',
    'siap👍', '🙏terima gatal🙏bengkak', 'tanya：kapan？ya', 'hiper\u{ad}tensi EKG\u{fe0f}', 'kontrol 27.11.2026', 'versi 1.2.3', 'TD120.5 pH7.41 E11.9'];
  const seqs = [];
  for (const text of texts) seqs.push((await say(one.client, roomId, text)).seq);
  const found = async (/** @type {string} */ query) => (await ok(two.client, 'message-search', { roomId, query })).messages.map((/** @type {any} */ m) => seqs.indexOf(m.seq)).sort((a, b) => a - b);
  const cases = /** @type {[string, number[]][]} */ ([
    ['mual/muntah', [0]], ['muntah', [0, 8]], ['mual', [0, 8]], ['muntah mual', [0, 8]], ['muntah -mual/muntah', [8]],
    ['25mg/kgBB', [1]], ['25mg', [1]], ['kgbb', [1]], ['IV/IM/SC', [2]], ['im', [2]], ['SC', [2]], ['dr.Sari', [3]], ['sari', [3]], ['dr', [3]],
    ['STEMI→PCI', [4]], ['pci', [4]], ['stemi', [4, 6]], ['demam.batuk', [5]], ['batuk', [5]], ['pilek', [5]],
    [address, [6]], [address.replace('https://', ''), [6]], ['guidelines.example.org', [6]], ['guidelines', [6]], ['acs/2023', [6]], ['stemi.pdf', [6]], ['2023/acs', []],
    ['7.35', [7]], ['120/80', [7]], ['80', [7]], ['80/120', []],
    ['siap', [9]], ['siap👍', [9]], ['terima', [10]], ['gatal', [10]], ['bengkak', [10]], ['tanya', [11]], ['kapan', [11]], ['hipertensi', [12]], ['EKG', [12]],
    ['2026', [13]], ['11.2026', [13]], ['27.11.2026', [13]], ['1.2', [14]], ['1.2.3', [14]], ['120.5', [15]], ['TD120.5', [15]], ['7.41', [15]], ['E11', [15]], ['"120.5 pH"', []],
  ]);
  for (const [query, expected] of cases) assert.deepEqual(await found(query), expected, query);
  // By the index too, and not only among the messages that are not searchable yet.
  await until(async () => (await stack.sql('SELECT 1 FROM chat_search_rooms WHERE room_id = $1 AND words_seq >= $2', [roomId, seqs.at(-1)])).length > 0, { what: 'the room to be searchable' });
  for (const [query, expected] of cases) assert.deepEqual(await found(query), expected, `${query}, by the index`);
});

stack.check('a room is searched by what is meant, in Indonesian and in English', async () => {
  const { roomId, one, two } = await people();
  const texts = ['Pemeriksaan jantung dengan EKG', 'The patients were examined yesterday', 'Dokter memeriksa paru-paru', 'Makan siang?', 'jantung berdebar'];
  for (const text of texts) await say(one.client, roomId, text);
  const found = async (/** @type {string} */ query, more = {}) => (await ok(two.client, 'message-search', { roomId, query, ...more })).messages.map((/** @type {any} */ m) => m.message);
  assert.deepEqual(await found('jantung'), [texts[4], texts[0]]);
  assert.deepEqual(await found('patient examine'), [texts[1]], 'by its English stem');
  assert.deepEqual(await found('makanan'), [texts[3]], 'by its Indonesian stem');
  assert.deepEqual(await found('jantung -EKG'), [texts[4]]);
  assert.deepEqual(await found('"jantung berdebar"'), [texts[4]]);
  const later = await say(one.client, roomId, 'Jantung lagi');
  assert.deepEqual(await found('jantung', { limit: 1 }), ['Jantung lagi']);
  await ok(one.client, 'message-edit', { messageId: later.id, message: 'Ginjal' });
  assert.deepEqual(await found('ginjal'), ['Ginjal']);
  assert.deepEqual(await found('jantung'), [texts[4], texts[0]]);
  await ok(one.client, 'message-remove', { messageId: later.id });
  assert.deepEqual(await found('ginjal'), []);
  for (const odd of ['%', "'; drop table chat_messages; --", '!!!', '((', '\\', '&&|']) assert.deepEqual(await found(odd), []);
  await refusal(two.client, 'message-search', { roomId, query: '' }, 'request/invalid-payload');
});

stack.check('whoever is muted in a room posts nothing there, and may again when it is over', async () => {
  const { roomId, one, two, mentor } = await people();
  const own = await say(one.client, roomId, 'Sebelumnya');
  await refusal(two.client, 'mute-user', { roomId, userId: one.user.id, minutes: 5 }, 'auth/forbidden');
  await refusal(mentor.client, 'mute-user', { roomId, userId: randomUUID(), minutes: 5 }, 'user/not-found');
  await refusal(mentor.client, 'mute-user', { roomId, userId: one.user.id, minutes: 43_201 }, 'request/invalid-payload');
  const { ok: _, ...muted } = await ok(mentor.client, 'mute-user', { roomId, userId: one.user.id, minutes: 5, reason: 'Kasar' });
  for (const { client } of [one, two, mentor]) assert.deepEqual(await next(client, 'user-muted'), muted);
  for (const [event, payload] of /** @type {[string, object][]} */ ([
    ['send-message', { roomId, message: 'x' }], ['typing-indicator', { roomId, isTyping: true }],
    ['message-edit', { messageId: own.id, message: 'x' }], ['message-react', { messageId: own.id, emoji: '👍' }],
  ])) {
    const error = await refusal(one.client, event, payload, 'chat/muted');
    assert.ok(error.retryAfterMs > 290_000 && error.retryAfterMs <= 300_000, `${error.retryAfterMs}`);
  }
  // Elsewhere they may, and others here may.
  const elsewhere = newRoom();
  await join(one.client, elsewhere);
  await say(one.client, elsewhere, 'Di sini boleh');
  assert.equal((await say(two.client, roomId, 'Lanjut')).seq, 2);
  await ok(mentor.client, 'mute-user', { roomId, userId: one.user.id, minutes: 0 });
  assert.equal((await next(one.client, 'user-muted')).until, null);
  assert.equal((await say(one.client, roomId, 'Maaf')).seq, 3);
  const history = await stack.sql('select by_user, reason from chat_mutes where room_id = $1 order by at', [roomId]);
  assert.deepEqual(history, [{ by_user: mentor.user.id, reason: 'Kasar' }, { by_user: mentor.user.id, reason: null }]);
});

stack.check('nobody acts on a higher rank, or on themselves', async () => {
  const { roomId, one, mentor } = await people();
  const chief = stack.user({ role: 'SUPER_ADMIN' });
  const above = { user: chief, client: await stack.connect({ token: chief.token }) };
  await join(above.client, roomId);
  const said = await say(above.client, roomId, 'Dari atas');
  await refusal(mentor.client, 'mute-user', { roomId, userId: chief.id, minutes: 5 }, 'auth/forbidden');
  await refusal(mentor.client, 'message-remove', { messageId: said.id }, 'auth/forbidden');
  // Who is muted does not end it.
  await ok(above.client, 'mute-user', { roomId, userId: mentor.user.id, minutes: 5 });
  await refusal(mentor.client, 'mute-user', { roomId, userId: mentor.user.id, minutes: 0 }, 'auth/forbidden');
  await refusal(mentor.client, 'send-message', { roomId, message: 'x' }, 'chat/muted');
  // Of the same rank one may, and what one said oneself is one's own.
  const other = stack.user({ role: 'MENTOR' });
  const equal = await stack.connect({ token: other.token });
  await join(equal, roomId);
  await ok(equal, 'mute-user', { roomId, userId: mentor.user.id, minutes: 0 });
  const own = await say(mentor.client, roomId, 'Milik sendiri');
  await ok(mentor.client, 'message-remove', { messageId: own.id });
  const theirs = await say(one.client, roomId, 'Milik murid');
  await ok(mentor.client, 'message-remove', { messageId: theirs.id });
});

stack.check('mentors look after study groups that they are not in, and nobody after what two people say', async () => {
  const [owner, stranger, mentor] = await Promise.all(['STUDENT', 'STUDENT', 'MENTOR'].map(async (role) => {
    const user = stack.user({ role });
    return { user, client: await stack.connect({ token: user.token }) };
  }));
  assert.ok(owner && stranger && mentor);
  const group = await ok(owner.client, 'study-group-create', { name: 'EKG' });
  const message = await say(owner.client, group.room_id, 'Kasar');
  for (const [event, payload] of /** @type {[string, object][]} */ ([
    ['message-remove', { messageId: message.id }], ['message-edit', { messageId: message.id, message: 'x' }],
    ['message-react', { messageId: message.id, emoji: '👍' }], ['message-thread', { messageId: message.id }],
  ])) await refusal(stranger.client, event, payload, 'chat/message-not-found');
  await refusal(stranger.client, 'message-search', { roomId: group.room_id, query: 'x' }, 'chat/room-forbidden');
  await ok(mentor.client, 'message-remove', { messageId: message.id });
  await next(owner.client, 'message-removed');
  const direct = (await join(owner.client, `direct:${owner.user.id}:${stranger.user.id}`)).roomId;
  const secret = await say(owner.client, direct, 'Rahasia');
  await refusal(mentor.client, 'message-remove', { messageId: secret.id }, 'chat/message-not-found');
  await refusal(mentor.client, 'mute-user', { roomId: direct, userId: owner.user.id, minutes: 1 }, 'chat/room-forbidden');
  await settled(owner.client);
});
