import { useCallback, useEffect, useRef, useState } from 'react';
import { asRealtimeError } from '../core/errors.ts';
import type { RealtimeError, RoomSummary } from '../core/index.ts';
import { useClient } from './context.ts';
import type { UseRooms } from './types.ts';

/** The list is read anew so long after something was said or read, in milliseconds. */
const SETTLE_MS = 300;

/** The user's rooms, with what was said last and how much is unread. */
export function useRooms(): UseRooms {
  const client = useClient();
  const [rooms, setRooms] = useState<readonly RoomSummary[]>([]);
  const [error, setError] = useState<RealtimeError | null>(null);
  const [isLoading, setLoading] = useState(true);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const refresh = useCallback(() => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      client.listRooms().then(
        (next) => {
          setRooms(next);
          setError(null);
          setLoading(false);
        },
        (reason: unknown) => {
          setError(asRealtimeError(reason));
          setLoading(false);
        },
      );
    }, SETTLE_MS);
  }, [client]);
  useEffect(() => {
    const stop = [
      client.onConnected(refresh),
      client.on('receive-message', refresh),
      client.on('message-read', refresh),
      client.on('message-removed', refresh),
      client.on('room-joined', refresh),
      client.on('room-left', refresh),
      client.on('room-removed', refresh),
      client.on('study-group-joined', refresh),
      client.on('study-group-created', refresh),
      client.on('study-group-left', refresh),
      // Somebody wrote in a room that this client has not joined.
      client.inbox.onNew(refresh),
    ];
    return () => {
      clearTimeout(timer.current);
      for (const end of stop) end();
    };
  }, [client, refresh]);
  return { rooms, isLoading, error, refresh };
}
