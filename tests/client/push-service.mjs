/** A push service and a browser in one: it takes what is pushed, checks who signed it, and decrypts it (RFC 8291, 8292). */
import assert from 'node:assert/strict';
import { createDecipheriv, createECDH, createPublicKey, hkdfSync, randomBytes, verify } from 'node:crypto';
import http from 'node:http';

/** Starts one on a free port. @returns what it got, and how to end it */
export async function startPushService() {
  const ecdh = createECDH('prime256v1');
  const p256dh = ecdh.generateKeys();
  const auth = randomBytes(16);
  /** @type {{ path: string, payload: any, headers: http.IncomingHttpHeaders, claims: any, key: string }[]} */
  const received = [];
  /** What a path is answered with, other than 201. @type {Map<string, { status: number, headers?: Record<string, string> }>} */
  const answers = new Map();
  /** Requests by path. @type {Map<string, number>} */
  const requests = new Map();

  const server = http.createServer((request, response) => {
    const chunks = /** @type {Buffer[]} */ ([]);
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const path = request.url ?? '';
      requests.set(path, (requests.get(path) ?? 0) + 1);
      const answer = answers.get(path);
      if (answer) return response.writeHead(answer.status, answer.headers).end();
      try {
        const signed = checkSignature(request.headers.authorization ?? '');
        received.push({ path, payload: JSON.parse(decrypt(Buffer.concat(chunks)).toString()), headers: request.headers, ...signed });
        return response.writeHead(201).end();
      } catch (error) {
        console.error(error);
        return response.writeHead(400).end();
      }
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(null)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const origin = `http://127.0.0.1:${port}`;

  /** @param {string} header @returns the claims of its token and the key it is signed with */
  function checkSignature(header) {
    const [, token, key] = /^vapid t=([^,]+), k=(.+)$/.exec(header) ?? [];
    assert.ok(token && key, `not a signature: ${header}`);
    const [head = '', body = '', signature = ''] = token.split('.');
    const point = Buffer.from(key, 'base64url');
    assert.equal(point.length, 65);
    const jwk = { kty: 'EC', crv: 'P-256', x: point.subarray(1, 33).toString('base64url'), y: point.subarray(33).toString('base64url') };
    const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
    const isGood = verify('sha256', Buffer.from(`${head}.${body}`), { key: publicKey, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'));
    assert.ok(isGood, 'the signature is not of this key');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
    assert.equal(claims.aud, origin);
    const hours = (claims.exp - Date.now() / 1000) / 3600;
    assert.ok(hours > 0 && hours <= 24, `good for ${hours} h`);
    return { claims, key };
  }

  /** aes128gcm with the key of RFC 8291. @param {Buffer} body */
  function decrypt(body) {
    assert.ok(body.length <= 4096, `${body.length} bytes`);
    const salt = body.subarray(0, 16);
    const length = body.readUInt8(20);
    const sender = body.subarray(21, 21 + length);
    const sealed = body.subarray(21 + length);
    const info = Buffer.concat([Buffer.from('WebPush: info\0'), p256dh, sender]);
    const secret = Buffer.from(hkdfSync('sha256', ecdh.computeSecret(sender), auth, info, 32));
    const key = Buffer.from(hkdfSync('sha256', secret, salt, 'Content-Encoding: aes128gcm\0', 16));
    const nonce = Buffer.from(hkdfSync('sha256', secret, salt, 'Content-Encoding: nonce\0', 12));
    const decipher = createDecipheriv('aes-128-gcm', key, nonce);
    decipher.setAuthTag(sealed.subarray(-16));
    const padded = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
    return padded.subarray(0, padded.lastIndexOf(2));
  }

  return {
    origin,
    received,
    answers,
    requests,
    /** A browser's subscription, as its `toJSON()` gives it. @param {string} path */
    subscription: (path) => ({
      endpoint: `${origin}${path}`,
      expirationTime: null,
      keys: { p256dh: p256dh.toString('base64url'), auth: auth.toString('base64url') },
    }),
    stop: () => new Promise((resolve) => {
      server.close(() => resolve(null));
      server.closeAllConnections();
    }),
  };
}
