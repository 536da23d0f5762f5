import { useCallback, useEffect, useMemo, useState } from 'react';
import { RealtimeError } from '../core/index.ts';
import { useClient, useOpened, useSnapshot } from './context.ts';
import type { UseRealtimeExam } from './types.ts';

/** An exam that the student sits: joined while it is shown, every answer kept until the server has it. */
export function useRealtimeExam(examId: string): UseRealtimeExam {
  const client = useClient();
  const sitting = useOpened(useCallback(() => client.openExam(examId), [client, examId]));
  const state = useSnapshot(sitting);
  const timeRemaining = useEverySecond(sitting?.timeRemaining ?? nothing);

  const actions = useMemo(
    () => ({
      updateProgress: (currentQuestion: number, _time?: number, answers?: UseRealtimeExam['answers']) =>
        sitting?.updateProgress(currentQuestion, answers),
      saveAnswer: (index: number, answer: Parameters<UseRealtimeExam['saveAnswer']>[1]) =>
        sitting?.saveAnswer(index, answer),
      completeExam: () =>
        sitting?.complete() ??
        Promise.reject(new RealtimeError({ code: 'client/closed', message: 'The exam is not open' })),
    }),
    [sitting],
  );

  return {
    session: state?.session ?? null,
    participants: state?.participants ?? [],
    participantCount: state?.participantCount ?? 0,
    isJoined: state?.isJoined ?? false,
    lastSaved: useMemo(() => (state?.lastSaved ? new Date(state.lastSaved) : null), [state?.lastSaved]),
    ...actions,
    exam: state?.exam ?? null,
    error: state?.error ?? null,
    answers: state?.answers ?? [],
    answerStatus: state?.status ?? new Map(),
    timeRemaining,
    isPaused: state?.isPaused ?? false,
    isCompleting: state?.isCompleting ?? false,
    result: state?.result ?? null,
    reason: state?.reason ?? null,
  };
}

const nothing = () => null;

/** How often the clock is looked at, in milliseconds: so late at the most a new second shows. */
const LOOK_MS = 100;

/** Looks at something that changes with time. */
function useEverySecond(look: () => number | null): number | null {
  const [value, setValue] = useState(look);
  useEffect(() => {
    setValue(look());
    const timer = setInterval(() => setValue(look()), LOOK_MS);
    return () => clearInterval(timer);
  }, [look]);
  return value;
}
