/** Pictures and other files for tests, made of their parts. */
import { crc32, deflateSync } from 'node:zlib';

/** One part of a PNG. @param {string} kind @param {Buffer} data */
export function chunk(kind, data) {
  const body = Buffer.concat([Buffer.from(kind, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/**
 * A PNG of eight or sixteen bits, with whatever else stands before its rows. One that says it is huge has hardly any rows.
 *
 * @param {number} width
 * @param {number} height
 * @param {{ depth?: number, colour?: number, more?: Buffer[] }} [options]
 */
export function png(width, height, { depth = 8, colour = 2, more = [] } = {}) {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([depth, colour, 0, 0, 0], 8);
  const row = 1 + (width * depth * (colour === 6 ? 4 : 3)) / 8;
  const rows = Buffer.alloc(width * height > 1e8 ? 10 : row * height);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', head), ...more,
    chunk('IDAT', deflateSync(rows, { level: 9 })), chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A GIF of very many pictures of one pixel on a screen of 64 by 64. @param {number} frames */
export const gif = (frames) => Buffer.concat([
  Buffer.from('GIF89a@\0@\0\x80\0\0\0\0\0\xff\xff\xff', 'latin1'),
  ...Array(frames).fill(Buffer.from(',\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0', 'latin1')),
  Buffer.from(';'),
]);

/** What an office document says of these parts, by their names. @param {string[]} names */
function types(names) {
  const office = 'application/vnd.openxmlformats-officedocument';
  const known = /** @type {[RegExp, string][]} */ ([
    [/^word\/document/, `${office}.wordprocessingml.document.main+xml`],
    [/^ppt\/presentation/, `${office}.presentationml.presentation.main+xml`],
    [/^xl\/workbook/, `${office}.spreadsheetml.sheet.main+xml`],
    [/vba/i, 'application/vnd.ms-office.vbaProject'],
  ]);
  const parts = names.flatMap((name) => known.filter(([kind]) => kind.test(name)).map(([, type]) => `<Override PartName="/${name}" ContentType="${type}"/>`));
  return `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">${parts.join('')}</Types>`;
}

/** A ZIP with these entries in their order, each as empty as its name allows. @param {string[]} names */
export function zip(names) {
  const word = (/** @type {number} */ value) => [value & 0xff, value >> 8];
  const long = (/** @type {number} */ value) => [...word(value & 0xffff), ...word(value >>> 16)];
  const [entries, directory] = [/** @type {Buffer[]} */ ([]), /** @type {Buffer[]} */ ([])];
  let offset = 0;
  for (const name of names) {
    const data = Buffer.from(/content_types/i.test(name) ? types(names) : `<${'x'.repeat(4_000)}/>`);
    const facts = [...word(20), ...word(0), ...word(0), ...long(0), ...long(crc32(data)), ...long(data.length), ...long(data.length), ...word(name.length), ...word(0)];
    const entry = Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.from(facts), Buffer.from(name), data]);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.from([...word(20), ...facts, ...word(0), ...word(0), ...word(0), ...long(0), ...long(offset)]), Buffer.from(name)]));
    entries.push(entry);
    offset += entry.length;
  }
  const whole = Buffer.concat(directory);
  const end = [...word(0), ...word(0), ...word(names.length), ...word(names.length), ...long(whole.length), ...long(offset), ...word(0)];
  return Buffer.concat([...entries, whole, Buffer.from('PK\x05\x06'), Buffer.from(end)]);
}
