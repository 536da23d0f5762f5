/**
 * Starts the parts as the separate processes they are in production, and talks to them as a client does.
 *
 * A test waits for a condition with a deadline, never for a time: see {@link until} and {@link next}.
 * That something did not happen is shown by an event that could only come after it, see {@link settled}.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, statSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import test, { after } from 'node:test';
import { fileURLToPath } from 'node:url';

import pg from 'pg';
import { io } from 'socket.io-client';

const REPOSITORY = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const BINARIES = process.env.SINAESTA_BIN_DIR ?? path.join(REPOSITORY, 'target/debug');

/** Settings under which the gateway's limits are those that it has without any. */
export const DEFAULT_LIMITS = {
  SINAESTA__LIMITS__MESSAGES_PER_MINUTE: '60',
  SINAESTA__LIMITS__USER_MESSAGES_PER_MINUTE: '120',
  SINAESTA__LIMITS__EVENTS_PER_MINUTE: '600',
  SINAESTA__LIMITS__USER_EVENTS_PER_MINUTE: '1200',
  SINAESTA__LIMITS__USER_CHANGES_PER_MINUTE: '60',
  SINAESTA__LIMITS__USER_LOOKUPS_PER_MINUTE: '120',
  SINAESTA__LIMITS__USER_EXAM_JOINS_PER_MINUTE: '10',
  SINAESTA__LIMITS__USER_INVITATIONS_PER_MINUTE: '30',
  SINAESTA__LIMITS__USER_REQUESTS_PER_MINUTE: '300',
  SINAESTA__LIMITS__USER_UPLOADS_PER_MINUTE: '30',
  SINAESTA__LIMITS__OPEN_COMMANDS: '16',
  SINAESTA__LIMITS__OPEN_QUERIES: '8',
};

/** High enough that no test meets a limit it does not ask for. */
const NO_LIMITS = {
  SINAESTA__LIMITS__MESSAGES_PER_MINUTE: '1000000',
  SINAESTA__LIMITS__USER_MESSAGES_PER_MINUTE: '1000000',
  SINAESTA__LIMITS__EVENTS_PER_MINUTE: '1000000',
  // Everybody here comes from one address.
  SINAESTA__GATEWAY__ADDRESS_OPENS_PER_MINUTE: '1000000',
  SINAESTA__GATEWAY__ADDRESS_SESSIONS: '100000',
  SINAESTA__GATEWAY__ADDRESS_CONNECTIONS: '100000',
  SINAESTA__LIMITS__USER_EVENTS_PER_MINUTE: '1000000',
  SINAESTA__LIMITS__USER_CHANGES_PER_MINUTE: '1000000',
  SINAESTA__LIMITS__USER_LOOKUPS_PER_MINUTE: '1000000',
  SINAESTA__LIMITS__USER_EXAM_JOINS_PER_MINUTE: '1000000',
  SINAESTA__LIMITS__USER_INVITATIONS_PER_MINUTE: '1000000',
  SINAESTA__LIMITS__USER_REQUESTS_PER_MINUTE: '1000000',
  SINAESTA__LIMITS__USER_UPLOADS_PER_MINUTE: '1000000',
  SINAESTA__LIMITS__OPEN_COMMANDS: '1000000',
  SINAESTA__LIMITS__OPEN_QUERIES: '1000000',
};

/** Where each kind of service is told its port. */
const PORT_SETTING = {
  gateway: 'SINAESTA__GATEWAY__PORT',
  chat: 'SINAESTA__CHAT__HTTP_PORT',
  'exam-grading': 'SINAESTA__EXAMS__HTTP_PORT',
  leaderboard: 'SINAESTA__LEADERBOARD__HTTP_PORT',
  notification: 'SINAESTA__NOTIFICATIONS__HTTP_PORT',
};

/** How many partitions the commands of a service have. */
const PARTITIONS = 12;

/** Names the file that says where a stack runs already, as `stack.json` does; otherwise each file starts its own. */
const RUNNING = process.env.SINAESTA_STACK;

/** Every process we started and that has not ended. */
const running = new Set();

for (const [signal, code] of /** @type {const} */ ([['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]])) {
  process.once(signal, () => process.exit(code));
}
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Polls a condition until it gives something truthy.
 *
 * @template T
 * @param {() => T | Promise<T>} condition
 * @param {{ timeout?: number, what?: string | (() => string), every?: number }} [options]
 * @returns {Promise<NonNullable<T>>}
 */
export async function until(condition, { timeout = 10_000, what = 'the condition', every = 20 } = {}) {
  const deadline = Date.now() + timeout;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) {
      throw new Error(`after ${timeout} ms still waiting for ${typeof what === 'function' ? what() : what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}

/** What a parser says and no error may: who sends something knows neither our language nor what reads JSON. */
export const PARSER = /line \d+ column|expected |invalid (type|value|length|digit|character)|missing field|unknown (field|variant)|duplicate field|did not match|deserialize|\b[ui](8|16|32|64|size)\b|\bstruct\b|parsing failed/;

/** @returns {Promise<number>} a port of the loopback that nobody listens on */
export async function freePort() {
  const server = net.createServer();
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', () => resolve(null)));
  const { port } = /** @type {net.AddressInfo} */ (server.address());
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * One HTTP request, with headers that `fetch` would not let us set.
 *
 * @param {string} url
 * @param {{ method?: string, headers?: Record<string, string>, body?: string | Buffer }} [options]
 * @returns {Promise<{ status: number, headers: http.IncomingHttpHeaders, text: string }>}
 */
export function request(url, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const sent = http.request(url, { method, headers: { ...length, ...headers }, agent: false, timeout: 10_000 }, (response) => {
      const chunks = /** @type {Buffer[]} */ ([]);
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() }));
    });
    sent.on('timeout', () => sent.destroy(new Error(`no answer from ${url}`)));
    sent.on('error', reject);
    sent.end(body);
  });
}

/** @param {number} pid */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/**
 * A program in a process of its own, which can be killed and started again.
 *
 * @param {{ name: string, program: string, args?: string[], env?: Record<string, string>, logFile: string,
 *           ready: () => Promise<boolean>, deadline: number }} options
 */
function launcher({ name, program, args = [], env = {}, logFile, ready, deadline }) {
  /** @type {import('node:child_process').ChildProcess | null} */
  let child = null;
  /** @type {Promise<{ code: number | null, signal: string | null }>} */
  let ended = Promise.resolve({ code: null, signal: null });

  // What somebody set for a stack of their own must not reach this one.
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([key]) => !key.startsWith('SINAESTA__') && key !== 'SINAESTA_CONFIG'));
  const alive = () => child !== null && child.exitCode === null && child.signalCode === null;

  async function start() {
    assert.ok(!alive(), `${name} runs already`);
    const file = path.resolve(BINARIES, program);
    assert.ok(existsSync(file), `${file} does not exist: build it, or set SINAESTA_BIN_DIR`);
    const log = openSync(logFile, 'a');
    const own = spawn(file, args, { env: { ...inherited, RUST_BACKTRACE: '0', ...env }, stdio: ['ignore', log, log] });
    closeSync(log);
    child = own;
    running.add(own);
    ended = new Promise((resolve) => {
      own.once('exit', (code, signal) => {
        running.delete(own);
        resolve({ code, signal });
      });
    });
    await until(async () => {
      if (!alive()) throw new Error(`${name} ended while starting:\n${tail()}`);
      return ready().catch(() => false);
    }, { timeout: deadline, what: () => `${name} to be ready:\n${tail()}` });
  }

  /** Ends it with `SIGKILL`: it can't do anything about it. */
  async function kill() {
    child?.kill('SIGKILL');
    await ended;
  }

  /** Asks it to end; kills it when it does not in time. @returns how it ended, and how long that took */
  async function stop(limit = 15_000, signal = /** @type {NodeJS.Signals} */ ('SIGTERM')) {
    const began = Date.now();
    if (alive()) child?.kill(signal);
    const timer = setTimeout(() => child?.kill('SIGKILL'), limit);
    const how = await ended;
    clearTimeout(timer);
    return { ...how, ms: Date.now() - began };
  }

  /** Its log's end, as far as it was written after `from`. */
  function tail(lines = 40, from = 0) {
    if (!existsSync(logFile)) return '';
    return readFileSync(logFile).subarray(from).toString().trimEnd().split('\n').slice(-lines).join('\n');
  }

  return {
    name,
    start,
    kill,
    stop,
    tail,
    alive,
    logSize: () => (existsSync(logFile) ? statSync(logFile).size : 0),
    get pid() {
      return child?.pid;
    },
  };
}

/** What a test asks of a stack that somebody else runs, and that only its owner can do: the test is skipped. */
class NotOurs extends Error {
  constructor() {
    super('needs processes of its own');
  }
}

/** @returns {never} */
function refuse() {
  throw new NotOurs();
}

/** A service of a stack that runs already: it is there, and can't be touched. @param {string} name @param {number} port @returns {Service} */
function notOurs(name, port) {
  return {
    name, port, url: `http://127.0.0.1:${port}`, get healthUrl() { return refuse(); }, start: refuse, kill: refuse, stop: refuse, alive: refuse, tail: () => '', logSize: () => 0,
    get pid() {
      return refuse();
    },
  };
}

/** @typedef {ReturnType<typeof launcher> & { port: number, url: string, healthUrl: string }} Service where clients or operators connect, and where it says how it is */
/** @typedef {{ id: string, name: string, role: string, email: string, token: string }} User */

/** Stops a process where it is, until it is woken. @param {Service} service */
export function freeze({ pid }) {
  assert.ok(pid);
  process.kill(pid, 'SIGSTOP');
  return () => process.kill(pid, 'SIGCONT');
}

/**
 * Starts NATS, Postgres and the services asked for; stops all of it when the file's tests are over.
 *
 * @param {{ gateways?: Record<string, string>[], chats?: Record<string, string>[], exams?: Record<string, string>[],
 *           boards?: Record<string, string>[], bells?: Record<string, string>[], env?: Record<string, string>, limits?: boolean }} [options]
 *   one object of environment settings for each replica of a service, and those for all of them; whether the limits are those of production
 */
export async function startStack({ gateways = [{}], chats = [{}], exams = [], boards = [], bells = [], env = {}, limits = false } = {}) {
  if (RUNNING && [env, limits ? { limits: 'of production' } : {}, ...gateways, ...chats, ...exams, ...boards, ...bells].some((own) => Object.keys(own).length > 0)) {
    // The file's tests can't be defined without a stack.
    console.log(`# ${path.basename(process.argv[1] ?? '')} is skipped: it needs a stack with settings of its own`);
    process.exit(0);
  }
  const folder = await mkdtemp(path.join(os.tmpdir(), 'sinaesta-e2e-'));
  // Postgres does not run as root: whoever it runs as has to get at its data.
  await chmod(folder, 0o755);
  const data = path.join(folder, 'data');
  await mkdir(path.join(folder, 'logs'));

  /** @type {ReturnType<typeof launcher>[]} */
  const parts = [];
  /** @param {Omit<Parameters<typeof launcher>[0], 'logFile'>} options */
  const part = (options) => {
    const made = launcher({ ...options, logFile: path.join(folder, 'logs', `${options.name}.log`) });
    parts.push(made);
    return made;
  };

  /** What is written of the running NATS and Postgres right now. */
  const infra = () => {
    const found = JSON.parse(readFileSync(RUNNING ?? path.join(data, 'stack.json'), 'utf8'));
    if (RUNNING) for (const part of [found.nats, found.postgres]) Object.defineProperty(part, 'pid', { get: refuse });
    return found;
  };

  const infraPart = part({
    name: 'infra',
    program: 'sinaesta-standalone',
    args: ['infra', '--data', data],
    deadline: 180_000,
    ready: async () => Boolean(infra().nats?.url && infra().postgres?.url),
  });

  /** The database, as a service logs in to it. @param {string} kind */
  function databaseUrl(kind) {
    const url = new URL(infra().postgres.url);
    url.username = `sinaesta_${kind.replaceAll('-', '_')}`;
    url.password = infra().servicePassword;
    return url.href;
  }

  /** How to log in to the broker as a user who may do anything, or as a service. */
  const broker = (user = 'operator') => ({ servers: infra().nats.url, user, pass: infra().servicePassword, inboxPrefix: `_INBOX.${user}` });

  /** @type {Service[]} */
  const services = [];
  let ready = false;

  /**
   * @param {keyof typeof PORT_SETTING} kind
   * @param {Record<string, string>} [own] settings of this process alone
   * @param {{ start?: boolean }} [options]
   * @returns {Promise<Service>}
   */
  async function addService(kind, own = {}, { start = true } = {}) {
    if (RUNNING) {
      const count = services.filter((service) => service.name.startsWith(kind)).length + 1;
      if (ready) throw new NotOurs();
      const { port } = kind === 'gateway' ? infra().gateway : { port: 0 };
      const service = notOurs(`${kind}-${count}`, port);
      services.push(service);
      return service;
    }
    const port = await freePort();
    // A gateway tells how it is on a port of its own.
    const healthPort = kind === 'gateway' ? await freePort() : port;
    const count = services.filter((service) => service.name.startsWith(kind)).length + 1;
    const made = part({
      name: `${kind}-${count}`,
      program: `sinaesta-${kind}`,
      deadline: 60_000,
      env: {
        SINAESTA__NATS__URL: infra().nats.url,
        SINAESTA__NATS__PASSWORD: infra().servicePassword,
        SINAESTA__DATABASE__URL: databaseUrl(kind),
        SINAESTA__AUTH__JWT_SECRET: infra().jwtSecret,
        [PORT_SETTING[kind]]: String(port),
        ...(kind === 'gateway' ? { SINAESTA__GATEWAY__HEALTH_PORT: String(healthPort) } : {}),
        ...(limits ? {} : NO_LIMITS),
        ...env,
        ...own,
      },
      ready: async () => (await request(`http://127.0.0.1:${healthPort}/readyz`)).status === 200,
    });
    // Object.assign would read the pid's getter once and for all.
    const service = /** @type {Service} */ (
      Object.defineProperties(made, { port: { value: port }, url: { value: `http://127.0.0.1:${port}` }, healthUrl: { value: `http://127.0.0.1:${healthPort}` } })
    );
    services.push(service);
    if (start) await service.start();
    return service;
  }

  /**
   * The balancer that operators use, in front of the gateways, with their configuration; only addresses are those of here.
   *
   * @returns {Promise<ReturnType<typeof launcher> & { port: number, healthUrl: string }>}
   */
  async function addBalancer() {
    if (RUNNING) refuse();
    const program = process.env.SINAESTA_HAPROXY;
    if (!program) throw new Error('SINAESTA_HAPROXY must name a haproxy: `cargo xtask test` does it');
    const [port, healthPort] = [await freePort(), await freePort()];
    const servers = services.filter(({ name }) => name.startsWith('gateway'))
      .map(({ port, healthUrl }, n) => `server gateway${n + 1} 127.0.0.1:${port} port ${new URL(healthUrl).port}`);
    const text = readFileSync(path.join(REPOSITORY, 'ops/haproxy/haproxy.cfg'), 'utf8')
      .replace('bind :8080', `bind 127.0.0.1:${port}`)
      .replace('bind :8081', `bind 127.0.0.1:${healthPort}`)
      .replaceAll('server-template gateway 1-10 gateway:3001', servers.join('\n  '))
      .replace(' resolvers docker resolve-prefer ipv4 init-addr none', '');
    const file = path.join(folder, 'haproxy.cfg');
    await writeFile(file, text);
    const healthUrl = `http://127.0.0.1:${healthPort}`;
    const made = part({
      name: 'balancer', program, args: ['-db', '-f', file], deadline: 10_000,
      ready: async () => (await request(`${healthUrl}/healthz`)).status === 200,
    });
    after(() => made.kill());
    await made.start();
    return Object.assign(Object.create(made), { port, healthUrl });
  }

  async function stop() {
    for (const client of clients) client.close();
    clients.clear();
    if (RUNNING) return rm(folder, { recursive: true, force: true });
    const known = existsSync(path.join(data, 'stack.json')) ? infra() : {};
    await Promise.all(services.map((service) => service.stop()));
    await infraPart.stop(20_000);
    const left = [known.nats?.pid, known.postgres?.pid].filter((pid) => pid && isAlive(pid));
    await until(() => left.every((pid) => !isAlive(pid)), { timeout: 5_000, what: `processes ${left} to end` }).catch(
      (error) => {
        for (const pid of left) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
        throw error;
      },
    ).finally(() => rm(folder, { recursive: true, force: true }));
  }

  /** @type {Set<Client>} */
  const clients = new Set();

  /**
   * @param {ClientOptions} [options]
   * @returns {Client} not connected yet
   */
  function open(options = {}) {
    const gateway = services.find((service) => service.name === 'gateway-1');
    const client = openClient({ port: gateway?.port, ...options });
    clients.add(client);
    return client;
  }

  /** @param {ClientOptions} [options] @returns {Promise<Client>} connected */
  async function connect(options = {}) {
    const client = open(options);
    await connected(client);
    return client;
  }

  /**
   * Somebody nobody has seen before.
   *
   * @param {{ role?: string, name?: string, id?: string, claims?: Record<string, unknown> }} [options]
   * @returns {User}
   */
  function user({ role = 'STUDENT', name, id = randomUUID(), claims = {} } = {}) {
    const full = name ?? `${role.toLowerCase()} ${id.slice(0, 4)}`;
    const email = `${id}@example.org`;
    const token = mint(infra().jwtSecret, { userId: id, name: full, email, role, ...claims });
    return { id, name: full, role, email, token };
  }

  /** @param {string} text @param {unknown[]} [values] @returns {Promise<any[]>} the rows */
  async function sql(text, values = []) {
    const client = new pg.Client({ connectionString: infra().postgres.url });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  /**
   * A test of this stack: closes the clients it opened, and shows the end of the logs when it fails.
   *
   * @param {string} name
   * @param {() => Promise<void>} body
   * @param {{ timeout?: number, skip?: boolean | string, todo?: boolean | string }} [options]
   */
  function check(name, body, options = {}) {
    test(name, { timeout: 90_000, ...options }, async (context) => {
      const from = new Map(parts.map((each) => [each, each.logSize()]));
      const before = new Set(clients);
      try {
        await body();
      } catch (error) {
        if (error instanceof NotOurs) return context.skip(error.message);
        for (const each of parts) {
          const text = each.tail(25, from.get(each) ?? 0);
          if (text) console.error(`── ${each.name}, during "${name}"\n${text}`);
        }
        throw error;
      } finally {
        for (const client of clients) {
          if (before.has(client)) continue;
          client.close();
          clients.delete(client);
        }
      }
    });
  }

  try {
    if (!RUNNING) await infraPart.start();
    await Promise.all([
      ...chats.map((own) => addService('chat', own)),
      ...exams.map((own) => addService('exam-grading', own)),
      ...boards.map((own) => addService('leaderboard', own)),
      ...bells.map((own) => addService('notification', own)),
      ...gateways.map((own) => addService('gateway', own)),
    ]);
    if (!RUNNING) {
      for (const kind of ['chat', 'exam-grading', 'leaderboard', 'notification']) {
        await balanced(services.filter(({ name }) => name.startsWith(kind)));
      }
    }
    ready = true;
    if (process.env.SINAESTA_RECORD) await (await import('./recorder.mjs')).record(process.env.SINAESTA_RECORD, broker());
  } catch (error) {
    await stop().catch(() => {});
    throw error;
  }
  after(stop, { timeout: 60_000 });

  return {
    infra,
    get data() {
      return RUNNING ? refuse() : data;
    },
    /** For tests that kill, start or set up processes: they are skipped where somebody else runs them. */
    mine: () => {
      if (RUNNING) refuse();
    },
    binaries: BINARIES,
    infraPart,
    broker,
    databaseUrl,
    services,
    get gateways() {
      return services.filter((service) => service.name.startsWith('gateway'));
    },
    get chats() {
      return services.filter((service) => service.name.startsWith('chat'));
    },
    get exams() {
      return services.filter((service) => service.name.startsWith('exam-grading'));
    },
    get boards() {
      return services.filter((service) => service.name.startsWith('leaderboard'));
    },
    get bells() {
      return services.filter((service) => service.name.startsWith('notification'));
    },
    addService,
    addBalancer,
    open,
    connect,
    user,
    sql,
    check,
    stop,
  };
}

/** @typedef {Awaited<ReturnType<typeof startStack>>} Stack */

/**
 * Until the replicas of a service share its partitions evenly. They do so within seconds of their start; a handover
 * loses nothing, but a test that does not mean one should not meet one.
 *
 * @param {Service[]} replicas
 */
async function balanced(replicas) {
  if (replicas.length === 0) return;
  const share = Math.ceil(PARTITIONS / replicas.length);
  /** @type {number[]} */
  let held = [];
  await until(async () => {
    held = await Promise.all(replicas.map(async ({ healthUrl }) => {
      const { text } = await request(`${healthUrl}/metrics`);
      return Number(/^bus_partitions_held\{[^}]*\} (\d+)$/m.exec(text)?.[1] ?? 0);
    }));
    return held.reduce((sum, each) => sum + each) === PARTITIONS && held.every((each) => each <= share);
  }, { timeout: 30_000, what: () => `${replicas.map(({ name }) => name)} to share ${PARTITIONS} partitions: they hold ${held}` });
}

const base64url = (/** @type {unknown} */ value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/**
 * A token; a claim given as `undefined` is left out.
 *
 * @param {string} secret
 * @param {Record<string, unknown>} claims added to an `iat` of now and an `exp` in an hour
 * @param {{ alg?: string }} [header]
 */
export function mint(secret, claims, { alg = 'HS256' } = {}) {
  const now = Math.floor(Date.now() / 1000);
  const unsigned = `${base64url({ alg, typ: 'JWT' })}.${base64url({ iat: now, exp: now + 3600, ...claims })}`;
  if (alg === 'none') return `${unsigned}.`;
  const hash = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' }[alg];
  if (!hash) throw new Error(`can't sign with ${alg}`);
  return `${unsigned}.${createHmac(hash, secret).update(unsigned).digest('base64url')}`;
}

/**
 * @typedef {{ port?: number, token?: string, auth?: object, transports?: string[],
 *             extraHeaders?: Record<string, string>, reconnection?: boolean }} ClientOptions
 * @typedef {{ name: string, args: any[], payload: any, at: number, taken: boolean }} Received
 * @typedef {{ socket: import('socket.io-client').Socket, received: Received[], close: () => void,
 *             waiting: Set<() => void>, disconnects: { reason: string, at: number }[], errors: Error[] }} Client
 */

/**
 * The official client, recording everything it receives.
 *
 * @param {ClientOptions} options
 * @returns {Client}
 */
function openClient({ port, token, auth, transports, extraHeaders, reconnection = false }) {
  const socket = io(`http://127.0.0.1:${port}`, {
    autoConnect: false,
    forceNew: true,
    reconnection,
    reconnectionDelay: 50,
    reconnectionDelayMax: 300,
    timeout: 5_000,
    auth: auth ?? (token === undefined ? {} : { token }),
    ...(transports ? { transports } : {}),
    ...(extraHeaders ? { extraHeaders } : {}),
  });
  /** @type {Client} */
  const client = {
    socket,
    received: [],
    waiting: new Set(),
    disconnects: [],
    errors: [],
    close: () => {
      socket.disconnect();
      socket.io.engine?.close();
    },
  };
  const wake = () => {
    for (const look of [...client.waiting]) look();
  };
  socket.onAny((name, ...args) => {
    client.received.push({ name, args, payload: args[0], at: Date.now(), taken: false });
    wake();
  });
  socket.on('connect', wake);
  socket.on('disconnect', (reason) => {
    client.disconnects.push({ reason, at: Date.now() });
    wake();
  });
  socket.on('connect_error', (error) => {
    client.errors.push(error);
    wake();
  });
  return client;
}

/**
 * Looks at once, and again whenever something happens to the client.
 *
 * @template T
 * @param {Client} client
 * @param {() => T} look
 * @param {string} what
 * @param {number} timeout
 * @returns {Promise<NonNullable<T>>}
 */
function when(client, look, what, timeout) {
  return new Promise((resolve, reject) => {
    const done = () => {
      clearTimeout(timer);
      client.waiting.delete(attempt);
    };
    const attempt = () => {
      try {
        const value = look();
        if (!value) return;
        done();
        resolve(value);
      } catch (error) {
        done();
        reject(error);
      }
    };
    const timer = setTimeout(() => {
      done();
      const seen = client.received.slice(-8).map((r) => `${r.name} ${JSON.stringify(r.payload)?.slice(0, 160)}`);
      reject(new Error(`after ${timeout} ms still waiting for ${what}; last received:\n${seen.join('\n') || 'nothing'}`));
    }, timeout);
    client.waiting.add(attempt);
    attempt();
  });
}

/** Connects, or throws what the server refused it with. @param {Client} client */
export async function connected(client, timeout = 10_000) {
  const seen = client.errors.length;
  if (!client.socket.active) client.socket.connect();
  await when(client, () => {
    if (client.errors.length > seen && !client.socket.active) throw client.errors.at(-1);
    if (client.errors.length > seen && !client.socket.io.reconnection()) throw client.errors.at(-1);
    return client.socket.connected;
  }, 'the connection', timeout);
}

/** The error with which the server refuses the handshake. @param {Client} client */
export async function refused(client, timeout = 10_000) {
  client.socket.connect();
  return when(client, () => {
    assert.ok(!client.socket.connected, 'the handshake was accepted');
    return client.errors.at(-1);
  }, 'the handshake to be refused', timeout);
}

/** @param {Client} client @returns {Promise<{ reason: string, at: number }>} */
export function disconnected(client, timeout = 10_000) {
  return when(client, () => (client.socket.connected ? undefined : client.disconnects.at(-1)), 'the disconnection', timeout);
}

/**
 * The payload of the first event of this name that fits and that no earlier call has taken.
 *
 * @param {Client} client
 * @param {string} event
 * @param {(payload: any) => unknown} [predicate]
 * @returns {Promise<any>}
 */
export async function next(client, event, predicate = () => true, timeout = 10_000) {
  const found = await when(client, () => client.received.find((r) => !r.taken && r.name === event && predicate(r.payload)),
    `"${event}"`, timeout);
  found.taken = true;
  return found.payload;
}

/** Payloads of all events of this name received so far. @param {Client} client @param {string} event */
export function all(client, event, predicate = (/** @type {any} */ _) => true) {
  return client.received.filter((r) => r.name === event && predicate(r.payload)).map((r) => r.payload);
}

/**
 * Sends an event and gives its acknowledgement. Without a payload the event has none.
 *
 * @param {Client} client
 * @param {string} event
 * @param {unknown} [payload]
 * @returns {Promise<any>}
 */
export async function emitAck(client, event, payload, timeout = 10_000) {
  const args = payload === undefined ? [] : [payload];
  try {
    return await client.socket.timeout(timeout).emitWithAck(event, ...args);
  } catch (error) {
    throw new Error(`"${event}" was not acknowledged in ${timeout} ms: ${/** @type {Error} */ (error).message}`);
  }
}

/** Sends an event that has to succeed. @param {Client} client @param {string} event @param {unknown} [payload] */
export async function ok(client, event, payload) {
  const reply = await emitAck(client, event, payload);
  assert.equal(reply?.ok, true, `"${event}" ${JSON.stringify(payload)?.slice(0, 200)} got ${JSON.stringify(reply)}`);
  return reply;
}

/**
 * Sends an event that has to be refused with this code.
 *
 * @param {Client} client
 * @param {string} event
 * @param {unknown} payload
 * @param {string | string[]} codes
 */
export async function refusal(client, event, payload, codes) {
  const reply = await emitAck(client, event, payload);
  const shown = `"${event}" ${JSON.stringify(payload)?.slice(0, 200)} got ${JSON.stringify(reply)?.slice(0, 300)}`;
  assert.equal(reply?.ok, false, shown);
  assert.ok([codes].flat().includes(reply.error?.code), `expected ${codes}: ${shown}`);
  assert.equal(typeof reply.error.message, 'string', shown);
  return reply.error;
}

/** Whatever the gateway had sent to this socket by now has arrived. @param {Client} client */
export async function settled(client) {
  assert.ok((await emitAck(client, 'heartbeat')).serverTime, 'a heartbeat is answered');
}

/** Joins and gives the room as it was. @param {Client} client @param {string} roomId @param {object} [more] */
export async function join(client, roomId, more = {}) {
  const { ok: _, ...reply } = await ok(client, 'join-room', { roomId, ...more });
  const event = await next(client, 'room-joined', (payload) => payload.roomId === reply.roomId);
  assert.deepEqual(event, reply, 'the event and the acknowledgement of join-room say the same');
  return event;
}

/** Posts a message and gives it as it was stored. @param {Client} client @param {string} roomId @param {string} message */
export async function say(client, roomId, message, more = {}) {
  return (await ok(client, 'send-message', { roomId, message, ...more })).message;
}

/** A room id that nobody has used. @param {string} [prefix] */
export const newRoom = (prefix = 'room-') => `${prefix}${randomUUID()}`;
