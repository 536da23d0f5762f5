import { RealtimeError } from '@sinaesta/realtime';
import { useCallback, useState } from 'react';

export interface Attempt {
  isBusy: boolean;
  /** What came of the last one, if it succeeded. */
  done: string | null;
  problem: RealtimeError | null;
  /** Tries something; what it gives is said when it has succeeded. */
  attempt: (act: () => Promise<string>) => Promise<void>;
}

/** Something that may fail, and what came of it. */
export function useAttempt(): Attempt {
  const [isBusy, setBusy] = useState(false);
  const [done, setDone] = useState<string | null>(null);
  const [problem, setProblem] = useState<RealtimeError | null>(null);
  const attempt = useCallback(async (act: () => Promise<string>) => {
    setBusy(true);
    setDone(null);
    setProblem(null);
    try {
      setDone(await act());
    } catch (reason) {
      const message = reason instanceof Error ? reason.message : String(reason);
      setProblem(reason instanceof RealtimeError ? reason : new RealtimeError({ code: 'http/failed', message }));
    } finally {
      setBusy(false);
    }
  }, []);
  return { isBusy, done, problem, attempt };
}
