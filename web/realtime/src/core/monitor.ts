import type { MonitoredParticipant } from '../contract.ts';
import type { Connection } from './connection.ts';
import { asRealtimeError, type RealtimeError } from './errors.ts';
import { createStore, type Store } from './store.ts';

export interface MonitorSnapshot {
  participants: readonly MonitoredParticipant[];
  participantCount: number;
  isWatching: boolean;
  error: RealtimeError | null;
}

/** An exam as its proctors see it. */
export interface ExamMonitor {
  snapshot: Store<MonitorSnapshot>;
  /** For one student, or for all who have not completed. */
  extend(minutes: number, userId?: string): Promise<void>;
  pause(userId?: string): Promise<void>;
  resume(userId?: string): Promise<void>;
  close(): void;
}

export function createMonitor(examId: string, connection: Connection): ExamMonitor {
  const snapshot = createStore<MonitorSnapshot>({
    participants: [],
    participantCount: 0,
    isWatching: false,
    error: null,
  });
  const patch = (to: Partial<MonitorSnapshot>) => snapshot.update((now) => ({ ...now, ...to }));
  const whom = (userId: string | undefined) => (userId === undefined ? { examId } : { examId, userId });
  const stop = [
    connection.onConnected(() => {
      connection.emit('exam-monitor', { examId }).then(
        ({ participants, participantCount }) =>
          patch({ participants, participantCount, isWatching: true, error: null }),
        (reason: unknown) => patch({ error: asRealtimeError(reason), isWatching: false }),
      );
    }),
    connection.on('exam-monitor-update', (event) => {
      if (event.examId !== examId) return;
      const changed = new Map(event.participants.map((one) => [one.user_id, one]));
      const kept = snapshot.get().participants.map((one) => changed.get(one.user_id) ?? one);
      const known = new Set(kept.map((one) => one.user_id));
      const participants = [...kept, ...event.participants.filter((one) => !known.has(one.user_id))];
      patch({ participants, participantCount: participants.filter((one) => one.is_connected).length });
    }),
    connection.snapshot.subscribe(() => {
      if (connection.snapshot.get().state !== 'connected' && snapshot.get().isWatching) patch({ isWatching: false });
    }),
  ];
  return {
    snapshot,
    async extend(minutes, userId) {
      await connection.emit('exam-extend', { ...whom(userId), minutes });
    },
    async pause(userId) {
      await connection.emit('exam-pause', whom(userId));
    },
    async resume(userId) {
      await connection.emit('exam-resume', whom(userId));
    },
    close() {
      for (const end of stop) end();
      connection.emit('leave-exam', { examId }).catch(() => {});
    },
  };
}
