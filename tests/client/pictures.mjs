/** Pictures for tests, made of their parts. */
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
