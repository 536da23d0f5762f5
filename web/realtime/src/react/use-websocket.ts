import { useClient, useStore } from './context.ts';
import type { UseWebSocket } from './types.ts';

/** The connection's state, by name. */
export function useWebSocket(): UseWebSocket {
  const client = useClient();
  const { state, error, retryAt } = useStore(client.connection);
  const pending = useStore(client.outbox.pending);
  return {
    isConnected: state === 'connected',
    connectionError: error,
    reconnect: client.reconnect,
    state,
    retryAt,
    waiting: pending.filter((one) => one.state !== 'failed').length,
  };
}
