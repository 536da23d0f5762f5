import { useCallback, useState } from 'react';
import type { ChosenStatus } from '../core/index.ts';
import { useClient } from './context.ts';
import type { UsePresence } from './types.ts';

/** How the user shows to others. */
export function usePresence(): UsePresence {
  const client = useClient();
  const [status, show] = useState<ChosenStatus>('online');
  const setStatus = useCallback(
    async (next: ChosenStatus) => {
      await client.setStatus(next);
      show(next);
    },
    [client],
  );
  return { status, setStatus };
}
