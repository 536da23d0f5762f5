/** Health, metrics, origins, and going down in good order. */
import assert from 'node:assert/strict';

import {
  connected, disconnected, emitAck, join, newRoom, next, request, say, settled, startStack, until,
} from './harness.mjs';
import { participant, talk, verify } from './load.mjs';

const ORIGIN = 'https://app.sinaesta.example';

const stack = await startStack({
  gateways: [{ SINAESTA__GATEWAY__CORS_ORIGINS: `${ORIGIN},https://admin.sinaesta.example` }],
});
const { check } = stack;
const [gateway] = stack.gateways;
const [chat] = stack.chats;
assert.ok(gateway && chat);

/** Stops it as an operator does. @param {import('./harness.mjs').Service} service */
async function stopInGoodOrder(service) {
  const { code, signal, ms } = await service.stop(15_000);
  assert.deepEqual([code, signal], [0, null], `${service.name} ended with code ${code}, signal ${signal}, after ${ms} ms`);
  assert.ok(ms < 10_000, `${service.name} took ${ms} ms`);
}

for (const [name, service] of Object.entries({ gateway, chat })) {
  check(`the ${name} says that it runs and that it is ready`, async () => {
    assert.equal((await request(`${service.healthUrl}/healthz`)).status, 200);
    assert.equal((await request(`${service.healthUrl}/readyz`)).status, 200);
  });

  check(`the ${name} shows metrics as Prometheus reads them`, async () => {
    const client = await stack.connect({ token: stack.user().token });
    const roomId = newRoom();
    await join(client, roomId);
    await say(client, roomId, 'counted');
    const { status, headers, text } = await request(`${service.healthUrl}/metrics`);
    assert.equal(status, 200);
    assert.match(headers['content-type'] ?? '', /^text\/plain/);
    const lines = text.trimEnd().split('\n');
    assert.ok(lines.some((line) => line.startsWith('# TYPE ')), text.slice(0, 500));
    for (const line of lines) assert.match(line, /^(#|[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})? -?[0-9.eE+-]+|[^ ]+ (NaN|[+-]?Inf))|^$/);
    assert.ok(!text.includes(roomId), 'a room is no label');
  });

  check(`the ${name} answers an unknown route with 404`, async () => {
    assert.equal((await request(`${service.url}/no-such-route`)).status, 404);
    assert.equal((await request(`${service.url}/../../etc/passwd`)).status, 404);
  });
}

check('what is for operators is not on the port for clients', async () => {
  for (const path of ['/metrics', '/readyz', '/status']) assert.equal((await request(`${gateway.url}${path}`)).status, 404, path);
  assert.equal((await request(`${gateway.url}/healthz`)).status, 200);
  for (const path of ['/', '/api/exams', '/socket.io/?EIO=4&transport=polling']) {
    assert.equal((await request(`${gateway.healthUrl}${path}`)).status, 404, path);
  }
});

check('a gateway that others can reach does not start with secrets that everybody knows', async () => {
  const known = { SINAESTA__AUTH__JWT_SECRET: 'development-only-change-me-before-anyone-else-connects' };
  const exposed = await stack.addService('gateway', { ...known, SINAESTA__GATEWAY__PUBLISHED_HOST: '0.0.0.0' }, { start: false });
  await assert.rejects(exposed.start(), /auth\.jwt_secret.*everybody knows.*0\.0\.0\.0.*gateway\.published_host/);
  const local = await stack.addService('gateway', { ...known, SINAESTA__GATEWAY__PUBLISHED_HOST: '127.0.0.1' });
  await stopInGoodOrder(local);
});

check('an allowed origin may connect, another gets no permission', async () => {
  const url = `${gateway.url}/socket.io/?EIO=4&transport=polling`;
  const allowed = await request(url, { headers: { origin: ORIGIN } });
  assert.equal(allowed.status, 200);
  assert.equal(allowed.headers['access-control-allow-origin'], ORIGIN);
  const other = await request(url, { headers: { origin: 'https://evil.example' } });
  assert.equal(other.headers['access-control-allow-origin'], undefined);
  const preflight = await request(url, {
    method: 'OPTIONS',
    headers: { origin: ORIGIN, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type' },
  });
  assert.ok(preflight.status === 200 || preflight.status === 204, `${preflight.status}`);
  assert.equal(preflight.headers['access-control-allow-origin'], ORIGIN);
  assert.match(preflight.headers['access-control-allow-headers'] ?? '', /authorization/i);
});

check('a gateway whose chat service is away says so only where it matters, and serves again afterwards', async () => {
  const client = await stack.connect({ token: stack.user().token });
  const roomId = newRoom();
  await join(client, roomId);
  await stopInGoodOrder(chat);
  await settled(client);
  assert.equal((await request(`${gateway.url}/healthz`)).status, 200);
  const reply = await emitAck(client, 'message-history', { roomId }, 15_000);
  assert.equal(reply.ok, false);
  assert.ok(['server/timeout', 'server/unavailable'].includes(reply.error.code), JSON.stringify(reply));
  await chat.start();
  await say(client, roomId, 'here again');
});

check('a gateway that goes tells its clients, ends in time, and plain clients come back by themselves', async () => {
  const roomId = newRoom();
  const clients = [];
  const POLLING = 1;
  for (const transports of [['websocket'], ['polling'], ['polling', 'websocket']]) {
    const client = stack.open({ token: stack.user().token, transports, reconnection: true });
    await connected(client);
    await join(client, roomId);
    if (transports.length > 1) {
      await until(() => client.socket.io.engine.transport.name === 'websocket', { what: 'the upgrade to WebSocket' });
    }
    clients.push(client);
  }
  const stopping = stopInGoodOrder(gateway);
  try {
    for (const [n, client] of clients.entries()) {
      // A client that polls may be between two requests when the server goes: it learns of it by the next one.
      if (n !== POLLING) {
        const { reconnectAfterMs } = await next(client, 'server-closing');
        assert.ok(Number.isInteger(reconnectAfterMs) && reconnectAfterMs >= 0);
      }
      await disconnected(client);
    }
    await stopping;
  } finally {
    await stopping.catch(() => {});
    await gateway.start();
  }
  for (const client of clients) {
    await until(() => client.socket.connected, {
      timeout: 15_000,
      what: () => `a client to come back by itself after "${client.disconnects.at(-1)?.reason}"`,
    });
    await settled(client);
  }
});

check('nothing said right before or while the gateway goes is lost', async () => {
  const roomId = newRoom();
  const people = await Promise.all(Array.from({ length: 4 }, () => participant(stack, roomId)));
  const acknowledged = new Map();
  const talking = talk(people, { each: 100, acknowledged });
  await until(() => acknowledged.size >= 80, { timeout: 30_000, every: 2, what: 'the talk to be under way' });
  await stopInGoodOrder(gateway);
  await gateway.start();
  await talking;
  assert.equal(acknowledged.size, 400);
  await verify(stack, people, acknowledged);
}, { timeout: 120_000 });

check('nothing said while the chat service goes is lost', async () => {
  const roomId = newRoom();
  const people = await Promise.all(Array.from({ length: 4 }, () => participant(stack, roomId)));
  const acknowledged = new Map();
  const talking = talk(people, { each: 100, acknowledged });
  await until(() => acknowledged.size >= 80, { timeout: 30_000, every: 2, what: 'the talk to be under way' });
  await stopInGoodOrder(chat);
  await chat.start();
  await talking;
  await verify(stack, people, acknowledged);
  for (const person of people) assert.equal(person.connections, 1);
}, { timeout: 120_000 });
