import type { Notification, Preferences, SendNotification } from '../contract.ts';
import type { Connection } from './connection.ts';
import { createStore, type Store } from './store.ts';

/** How many a snapshot has at the most: with fewer there are no others. */
const SNAPSHOT = 20;

export interface InboxSnapshot {
  /** Those that said something new last come first. */
  notifications: readonly Notification[];
  unreadCount: number;
  isLoading: boolean;
  hasMore: boolean;
  preferences: Preferences | null;
}

export type NewListener = (notification: Notification, options: { isSilent: boolean }) => void;

export interface Inbox {
  snapshot: Store<InboxSnapshot>;
  markRead(id: string): void;
  markAllRead(): void;
  send(notification: SendNotification): Promise<void>;
  loadMore(): Promise<void>;
  loadPreferences(): Promise<void>;
  setPreferences(preferences: Preferences): Promise<void>;
  onNew(listener: NewListener): () => void;
}

interface Known {
  version: number;
  /** `null`: it was read before it was heard of. */
  notification: Notification | null;
  isRead: boolean;
}

/**
 * The user's notifications by two rules: a count is taken if its version is higher than that of the last one; and what is
 * said of a notification is taken unless something of a higher version was said of it before.
 */
export function createInbox(connection: Connection): Inbox {
  const snapshot = createStore<InboxSnapshot>({
    notifications: [],
    unreadCount: 0,
    isLoading: true,
    hasMore: true,
    preferences: null,
  });
  const known = new Map<string, Known>();
  const listeners = new Set<NewListener>();
  /** What was shown as new: an id and when it said it. */
  const announced = new Set<string>();
  let counted = -1;
  let readUpTo = -1;

  const count = (version: number, unreadCount: number) => {
    if (version <= counted) return;
    counted = version;
    snapshot.update((now) => ({ ...now, unreadCount }));
  };
  const put = (notification: Notification, version: number) => {
    const before = known.get(notification.id);
    if (before && before.version > version) {
      // Something newer was said of it, but perhaps not what it is.
      before.notification ??= notification;
      return;
    }
    known.set(notification.id, { version, notification, isRead: notification.is_read || version <= readUpTo });
  };
  const show = (to: Partial<InboxSnapshot> = {}) => {
    const notifications = [...known.values()]
      .flatMap(({ notification, isRead }) => (notification ? [{ ...notification, is_read: isRead }] : []))
      .sort((a, b) => b.updated_at.localeCompare(a.updated_at) || b.id.localeCompare(a.id));
    snapshot.update((now) => ({ ...now, ...to, notifications }));
  };
  const read = (id: string, version: number) => {
    const before = known.get(id);
    if (before && before.version > version) return;
    known.set(id, { version, notification: before?.notification ?? null, isRead: true });
  };

  connection.on('notifications-snapshot', ({ notifications, unreadCount, version }) => {
    for (const one of notifications) put(one, version);
    count(version, unreadCount);
    show(known.size < SNAPSHOT ? { isLoading: false, hasMore: false } : { isLoading: false });
  });
  connection.on('new-notification', ({ unread_count, version, is_silent, ...notification }) => {
    put(notification, version);
    count(version, unread_count);
    show();
    const said = `${notification.id} ${notification.updated_at}`;
    if (announced.has(said) || known.get(notification.id)?.isRead) return;
    announced.add(said);
    for (const listener of [...listeners]) listener(notification, { isSilent: is_silent });
  });
  connection.on('notification-read', ({ notificationId, unreadCount, version }) => {
    read(notificationId, version);
    count(version, unreadCount);
    show();
  });
  connection.on('notifications-read-all', ({ unreadCount, version, readUpToVersion }) => {
    readUpTo = Math.max(readUpTo, readUpToVersion);
    for (const one of known.values()) if (one.version <= readUpToVersion) one.isRead = true;
    count(version, unreadCount);
    show();
  });
  connection.on('notification-removed', ({ notificationId, unreadCount, version }) => {
    known.delete(notificationId);
    count(version, unreadCount);
    show();
  });
  connection.on('notification-preferences-changed', ({ preferences, unreadCount, version }) => {
    count(version, unreadCount);
    show({ preferences });
  });

  return {
    snapshot,
    markRead(id) {
      connection.emit('notification-read', { notificationId: id }).catch(() => {});
    },
    markAllRead() {
      connection.emit('notification-read-all', {}).catch(() => {});
    },
    async send(notification) {
      await connection.emit('notification-send', notification);
    },
    async loadMore() {
      const before = snapshot.get().notifications.at(-1)?.id;
      const page = await connection.emit('notification-list', before === undefined ? {} : { before });
      for (const one of page.notifications) put(one, page.version);
      count(page.version, page.unreadCount);
      show({ hasMore: page.hasMore });
    },
    async loadPreferences() {
      const { preferences } = await connection.emit('notification-preferences', {});
      show({ preferences });
    },
    async setPreferences(preferences) {
      const changed = await connection.emit('notification-preferences-set', { preferences });
      show({ preferences: changed.preferences });
    },
    onNew(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
