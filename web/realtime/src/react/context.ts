import {
  createContext,
  createElement,
  type ReactNode,
  useContext,
  useEffect,
  useState,
  useSyncExternalStore,
} from 'react';
import { type RealtimeClient, type RealtimeUser, type Store, socketService } from '../core/index.ts';

const Context = createContext<RealtimeClient | null>(null);

/** Gives a client to the hooks below it. */
export function RealtimeProvider({ client, children }: { client: RealtimeClient; children?: ReactNode }) {
  return createElement(Context.Provider, { value: client }, children);
}

/** The nearest provider's client; without one, `socketService`'s. */
export function useClient(): RealtimeClient {
  return useContext(Context) ?? socketService.client;
}

export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(store.subscribe, store.get, store.get);
}

/** Who is signed in; `null` before there was a token. */
export function useUser(): RealtimeUser | null {
  return useStore(useClient().user);
}

/**
 * Something that is opened for as long as a component shows it. `null` on the first render; opened anew when `open`
 * changes, which must be a `useCallback`.
 */
export function useOpened<T extends { close(): void }>(open: () => T): T | null {
  const [opened, setOpened] = useState<T | null>(null);
  useEffect(() => {
    const next = open();
    setOpened(next);
    return () => {
      next.close();
      setOpened(null);
    };
  }, [open]);
  return opened;
}

const NOTHING: Store<null> = { get: () => null, subscribe: () => () => {} };

/** The snapshot of something that may not be open yet. */
export function useSnapshot<S>(opened: { snapshot: Store<S> } | null): S | null {
  return useStore<S | null>(opened?.snapshot ?? NOTHING);
}
