import { describe, expect, it, vi } from 'vitest';
import { backoffMs } from '../src/core/backoff.ts';
import { connected, createWorld, settle, token } from './world.ts';

const state = (world: ReturnType<typeof createWorld>) => world.client.connection.get().state;

describe('the connection', () => {
  it('has a name for each of its states', async () => {
    const world = createWorld();
    expect(state(world)).toBe('idle');
    world.client.connect();
    await settle();
    expect(state(world)).toBe('connecting');
    await world.accept();
    expect(state(world)).toBe('connected');
    await world.drop();
    expect(state(world)).toBe('reconnecting');
    world.client.disconnect();
    expect(state(world)).toBe('closed');
  });

  it('comes back after waits that grow, and says when', async () => {
    const world = await connected();
    await world.drop();
    const waits: number[] = [];
    for (let turn = 0; turn < 8; turn += 1) {
      const { retryAt } = world.client.connection.get();
      waits.push((retryAt ?? 0) - world.environment.now());
      await world.pass(waits[turn] ?? 0);
      await world.refuse('xhr poll error');
    }
    expect(waits).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
    expect(world.opened).toHaveLength(9);
  });

  it('waits any time up to a bound, so that clients spread', () => {
    expect(backoffMs(0, 0)).toBe(0);
    expect(backoffMs(0, 0.999)).toBeLessThanOrEqual(500);
    expect(backoffMs(50, 0.999)).toBeLessThanOrEqual(30_000);
    expect(backoffMs(50, 0.999)).toBeGreaterThan(29_000);
  });

  it('tries at once when it is told to, and when the network is back', async () => {
    const world = await connected();
    await world.drop();
    world.client.reconnect();
    await settle();
    expect(world.opened).toHaveLength(2);
    world.setOnline(false);
    expect(state(world)).toBe('offline');
    await world.pass(60_000);
    expect(world.opened).toHaveLength(2);
    world.setOnline(true);
    await settle();
    expect(world.opened).toHaveLength(3);
  });

  it('comes back within the time that a server which goes has given', async () => {
    const world = await connected();
    world.setRandom(0.9);
    await world.tell('server-closing', { reconnectAfterMs: 4_000 });
    await world.drop(true);
    expect((world.client.connection.get().retryAt ?? 0) - world.environment.now()).toBe(3_600);
  });

  // The control: without the handler of `error` it is back within half a second.
  it('stays away for as long as a server wants that it sent too much to', async () => {
    const world = await connected();
    await world.tell('error', { code: 'request/flooding', message: '', event: 'heartbeat', retryAfterMs: 10_000 });
    await world.drop(true);
    expect((world.client.connection.get().retryAt ?? 0) - world.environment.now()).toBe(10_000);
    await world.pass(9_000);
    expect(world.opened).toHaveLength(1);
    await world.pass(1_500);
    expect(world.opened).toHaveLength(2);
  });

  it('comes back later and later while it is refused because of a limit', async () => {
    const world = await connected();
    world.setRandom(0.9);
    await world.drop();
    const waits = [];
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await world.pass((world.client.connection.get().retryAt ?? 0) - world.environment.now());
      await world.refuse('Rate limit exceeded. Please slow down.');
      waits.push((world.client.connection.get().retryAt ?? 0) - world.environment.now());
    }
    expect(waits).toEqual([900, 1_800, 3_600, 7_200, 14_400]);
  });

  it('asks for other tokens when one is refused, of later seconds too, and gives up in the end', async () => {
    let issued = 0;
    const getToken = vi.fn(async (why: string) => {
      issued += 1;
      return token({ why, issued });
    });
    const world = createWorld({ getToken });
    world.client.connect();
    await settle();
    await world.refuse('Authentication error: Invalid token');
    expect(getToken.mock.calls.map(([why]) => why)).toEqual(['connect', 'refused']);
    expect(world.opened).toHaveLength(2);
    // Issued in the second of the revocation.
    await world.refuse('Authentication error: Invalid token');
    expect(world.opened).toHaveLength(2);
    await world.pass(1_500);
    expect(world.opened).toHaveLength(3);
    await world.accept();
    expect(state(world)).toBe('connected');
    await world.drop(true);
    for (const wait of [1_000, 0, 1_500, 3_000]) {
      await world.pass(wait);
      await world.refuse('Authentication error: Invalid token');
    }
    expect(state(world)).toBe('refused');
    expect(world.opened).toHaveLength(7);
    await world.pass(120_000);
    expect(world.opened).toHaveLength(7);
  });

  it('gives up at once where there is no other token than the one refused', async () => {
    const world = createWorld({ getToken: undefined as never });
    world.client.connect(token());
    await settle();
    await world.refuse('Authentication error: Invalid token');
    expect(state(world)).toBe('refused');
    expect(world.opened).toHaveLength(1);
  });

  it('asks over HTTP again with another token where one is refused', async () => {
    let issued = 0;
    const world = await connected({
      getToken: async () => {
        issued += 1;
        return token({ issued });
      },
    });
    const bearers: string[] = [];
    const answered = (good: number) =>
      vi.stubGlobal('fetch', async (_: string, { headers }: { headers: Record<string, string> }) => {
        bearers.push(headers.authorization ?? '');
        const error = { code: 'auth/invalid-token', message: 'Authentication error: Invalid token' };
        return issued >= good ? Response.json({ exams: [] }) : Response.json({ error }, { status: 401 });
      });
    answered(3);
    const list = world.client.http.request('GET', '/api/exams');
    await settle();
    await world.pass(1_500);
    expect(await list).toEqual({ exams: [] });
    expect(bearers).toEqual([1, 2, 3].map((n) => `Bearer ${token({ issued: n })}`));
    answered(100);
    const refused = expect(world.client.http.request('GET', '/api/exams')).rejects.toMatchObject({
      code: 'auth/invalid-token',
    });
    await settle();
    await world.pass(5_000);
    await refused;
    vi.unstubAllGlobals();
  });

  it('brings a new token before the old one expires', async () => {
    const getToken = vi.fn(async (why: string) => token({ why }));
    const world = await connected({ getToken });
    world.answer('auth-refresh', () => ({ expiresAt: '2026-11-23T10:30:00.000Z' }));
    await world.tell('token-expiring', { expiresAt: '2026-11-23T10:15:00.000Z' });
    expect(world.sent.find((one) => one.event === 'auth-refresh')?.payload).toEqual({
      token: token({ why: 'expiring' }),
    });
    // When it came too late, the server ends the connection: the next one has a new token.
    await world.drop(true);
    await world.pass(1_000);
    expect(getToken).toHaveBeenLastCalledWith('expiring');
  });

  it('fails what nobody answers, what is refused, and what was under way when it broke', async () => {
    const world = await connected();
    world.answer('room-list', () => undefined);
    const late = expect(world.client.listRooms()).rejects.toMatchObject({ code: 'client/timeout' });
    await world.pass(15_000);
    await late;
    world.answer('room-list', () => ({ ok: false, error: { code: 'server/busy', message: 'Busy', retryAfterMs: 7 } }));
    await expect(world.client.listRooms()).rejects.toMatchObject({ code: 'server/busy', retryAfterMs: 7 });
    world.answer('room-list', () => undefined);
    const broken = expect(world.client.listRooms()).rejects.toMatchObject({ code: 'client/closed' });
    await world.drop();
    await broken;
    await expect(world.client.listRooms()).rejects.toMatchObject({ code: 'client/offline' });
  });
});
