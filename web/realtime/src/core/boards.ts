import type { LeaderboardEntry, Period, UserRank } from '../contract.ts';
import type { Connection } from './connection.ts';
import type { Environment } from './environment.ts';
import { asRealtimeError, isTransient, type RealtimeError } from './errors.ts';
import { createStore, type Store } from './store.ts';

const AGAIN_MS = 3_000;

export interface BoardKey {
  period: Period;
  specialty?: string | undefined;
  /** 1 to 100. */
  limit: number;
}

export interface BoardSnapshot {
  entries: readonly LeaderboardEntry[];
  userRank: UserRank | null;
  isLoading: boolean;
  /** RFC 3339. */
  lastUpdated: string | null;
  periodStart: string | null;
  error: RealtimeError | null;
}

export interface Board {
  snapshot: Store<BoardSnapshot>;
  refresh(): void;
}

export interface Boards {
  /** Watches a board until what it gives is called; all who watch the same one share it. */
  watch(key: BoardKey): { board: Board; release: () => void };
}

interface Watched extends Board {
  key: BoardKey;
  watchers: number;
  set: (to: Partial<BoardSnapshot>) => void;
}

export function createBoards(connection: Connection, environment: Environment): Boards {
  const boards = new Map<string, Watched>();
  const name = ({ period, specialty, limit }: BoardKey) => `${period} ${limit} ${specialty ?? ''}`;
  const scope = ({ period, specialty }: BoardKey) => (specialty === undefined ? { period } : { period, specialty });
  const same = (a: { period: Period; specialty?: string | undefined }, b: BoardKey) =>
    a.period === b.period && (a.specialty ?? null) === (b.specialty ?? null);

  async function load(board: Watched): Promise<void> {
    if (connection.snapshot.get().state !== 'connected') return;
    try {
      const { key } = board;
      const data = await connection.emit('leaderboard-request', { ...scope(key), limit: key.limit });
      const { entries, userRank, periodStart, timestamp } = data;
      board.set({ entries, userRank, periodStart, lastUpdated: timestamp, isLoading: false, error: null });
    } catch (reason) {
      const error = asRealtimeError(reason);
      board.set({ error, isLoading: false });
      if (isTransient(error) && board.watchers > 0)
        environment.setTimeout(() => void load(board), error.retryAfterMs ?? AGAIN_MS);
    }
  }

  connection.on('leaderboard-updated', (event) => {
    for (const board of boards.values()) {
      if (!same(event, board.key)) continue;
      const { entries, periodStart, timestamp } = event;
      board.set({ entries: entries.slice(0, board.key.limit), periodStart, lastUpdated: timestamp });
    }
  });
  connection.on('leaderboard-rank-changed', (event) => {
    for (const board of boards.values()) if (same(event, board.key)) board.set({ userRank: event.userRank });
  });
  connection.onConnected(() => {
    for (const board of boards.values()) void load(board);
  });

  return {
    watch(key) {
      const id = name(key);
      let board = boards.get(id);
      if (!board) {
        const snapshot = createStore<BoardSnapshot>({
          entries: [],
          userRank: null,
          isLoading: true,
          lastUpdated: null,
          periodStart: null,
          error: null,
        });
        const made: Watched = {
          key,
          snapshot,
          watchers: 0,
          set: (to) => snapshot.update((now) => ({ ...now, ...to })),
          refresh: () => void load(made),
        };
        board = made;
        boards.set(id, board);
        void load(board);
      }
      const watched = board;
      watched.watchers += 1;
      return {
        board: watched,
        release() {
          watched.watchers -= 1;
          if (watched.watchers > 0) return;
          boards.delete(id);
          // Others may watch the same board to another length.
          const isWatched = [...boards.values()].some((one) => same(key, one.key));
          if (!isWatched) connection.emit('leaderboard-unsubscribe', scope(key)).catch(() => {});
        },
      };
    },
  };
}
