import type { Connection } from './connection.ts';
import type { Environment } from './environment.ts';

const ASK_EVERY_MS = 30_000;
/** An old sample is worth less: clocks drift. */
const WORSE_PER_MS = 0.001;

export interface ServerClock {
  /** The server's time in milliseconds since 1970. Setting this machine's clock changes nothing about it. */
  now(): number;
  /** A moment of the server's, told in the answer to what was sent at `sentAt` (monotonic milliseconds). */
  sample(serverTime: string, sentAt: number): void;
}

/**
 * The server's clock, as well as it can be known: a sample is off by no more than half of its round trip, so the one with
 * the shortest counts.
 */
export function createServerClock(connection: Connection, environment: Environment): ServerClock {
  let offset = environment.now() - environment.monotonic();
  let best = Number.POSITIVE_INFINITY;
  let bestAt = 0;
  const clock: ServerClock = {
    now: () => environment.monotonic() + offset,
    sample(serverTime, sentAt) {
      const at = environment.monotonic();
      const roundTrip = at - sentAt;
      if (roundTrip > best + (at - bestAt) * WORSE_PER_MS) return;
      best = roundTrip;
      bestAt = at;
      offset = Date.parse(serverTime) - (sentAt + roundTrip / 2);
    },
  };
  let cancel = () => {};
  const ask = () => {
    cancel();
    cancel = environment.setTimeout(ask, ASK_EVERY_MS);
    const sentAt = environment.monotonic();
    connection.emit('heartbeat', {}).then(
      ({ serverTime }) => clock.sample(serverTime, sentAt),
      () => {},
    );
  };
  connection.onConnected(() => {
    best = Number.POSITIVE_INFINITY;
    ask();
    // The first round trip of a connection is its slowest.
    ask();
  });
  connection.snapshot.subscribe(() => {
    if (connection.snapshot.get().state !== 'connected') cancel();
  });
  return clock;
}
