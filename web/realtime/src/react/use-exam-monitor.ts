import { useCallback, useMemo } from 'react';
import { RealtimeError } from '../core/index.ts';
import { useClient, useOpened, useSnapshot } from './context.ts';
import type { UseExamMonitor } from './types.ts';

/** An exam as its proctors see it. */
export function useExamMonitor(examId: string): UseExamMonitor {
  const client = useClient();
  const monitor = useOpened(useCallback(() => client.openMonitor(examId), [client, examId]));
  const state = useSnapshot(monitor);
  const actions = useMemo(() => {
    const closed = () =>
      Promise.reject(new RealtimeError({ code: 'client/closed', message: 'The exam is not watched' }));
    return {
      extend: (minutes: number, userId?: string) => monitor?.extend(minutes, userId) ?? closed(),
      pause: (userId?: string) => monitor?.pause(userId) ?? closed(),
      resume: (userId?: string) => monitor?.resume(userId) ?? closed(),
    };
  }, [monitor]);
  return {
    participants: state?.participants ?? [],
    participantCount: state?.participantCount ?? 0,
    isWatching: state?.isWatching ?? false,
    error: state?.error ?? null,
    serverNow: client.serverNow,
    ...actions,
  };
}
