import { useCallback, useMemo } from 'react';
import type { Period } from '../core/index.ts';
import { useClient, useOpened, useSnapshot } from './context.ts';
import type { UseLeaderboard, UseLeaderboardOptions } from './types.ts';

/** A board and the user's own place on it, as they change. */
export function useLeaderboard(
  period: Period = 'weekly',
  specialty?: string,
  { limit = 50 }: UseLeaderboardOptions = {},
): UseLeaderboard {
  const client = useClient();
  const opened = useOpened(
    useCallback(() => {
      const { board, release } = client.boards.watch({ period, specialty: specialty || undefined, limit });
      return { snapshot: board.snapshot, refresh: board.refresh, close: release };
    }, [client, period, specialty, limit]),
  );
  const state = useSnapshot(opened);
  const lastUpdated = state?.lastUpdated ?? null;
  return {
    entries: state?.entries ?? [],
    userRank: state?.userRank ?? null,
    isLoading: state?.isLoading ?? true,
    lastUpdated: useMemo(() => (lastUpdated === null ? null : new Date(lastUpdated)), [lastUpdated]),
    refresh: useCallback(() => opened?.refresh(), [opened]),
    error: state?.error ?? null,
    periodStart: state?.periodStart ?? null,
  };
}
