import { useCallback, useMemo } from 'react';
import { RealtimeError } from '../core/index.ts';
import { useClient, useOpened, useSnapshot } from './context.ts';
import type { StudyGroupFilter, UseStudyGroups } from './types.ts';

/** Study groups that anybody may join and one's own, as they come and go. */
export function useStudyGroups({ specialty, query, mine }: StudyGroupFilter = {}): UseStudyGroups {
  const client = useClient();
  const groups = useOpened(
    useCallback(() => client.openGroups({ specialty, query, mine }), [client, specialty, query, mine]),
  );
  const state = useSnapshot(groups);
  const actions = useMemo(() => {
    const closed = () => Promise.reject(new RealtimeError({ code: 'client/closed', message: 'The list is not open' }));
    return {
      loadMore: () => groups?.loadMore() ?? closed(),
      create: (group: Parameters<UseStudyGroups['create']>[0]) => groups?.create(group) ?? closed(),
      join: (id: string) => groups?.join(id) ?? closed(),
      leave: (id: string) => groups?.leave(id) ?? closed(),
      invite: (id: string, userId: string) => groups?.invite(id, userId) ?? closed(),
      removeMember: (id: string, userId: string) => groups?.removeMember(id, userId) ?? closed(),
    };
  }, [groups]);
  return {
    groups: state?.groups ?? [],
    isLoading: state?.isLoading ?? true,
    error: state?.error ?? null,
    hasMore: state?.hasMore ?? false,
    ...actions,
  };
}
