/** A client's inbox: what a socket was told of notifications, put together by the rules of the contract. */

/**
 * @typedef {{ id: string, is_read: boolean, updated_at: string, title: string, count: number, [key: string]: any }} Notification
 */

/**
 * Keeps an inbox by what a client receives, from now on and over reconnects.
 *
 * - A count is taken if its version is higher than that of the last one.
 * - What is said of a notification is taken unless something of a higher version was said of it before.
 *
 * @param {import('./harness.mjs').Client} client
 */
export function keepInbox(client) {
  /** @type {Map<string, { version: number, notification: Notification | null, isRead: boolean }>} */
  const known = new Map();
  let counted = { version: -1, unread: -1 };
  let readUpTo = -1;

  /** @param {number} version @param {number} unread */
  const count = (version, unread) => {
    if (version > counted.version) counted = { version, unread };
  };
  /** @param {Notification} notification @param {number} version */
  const put = (notification, version) => {
    const before = known.get(notification.id);
    if (before && before.version > version) {
      // Something newer was said of it, but perhaps not what it is.
      before.notification ??= notification;
      return;
    }
    known.set(notification.id, { version, notification, isRead: notification.is_read || version <= readUpTo });
  };

  const handlers = {
    'notifications-snapshot': (/** @type {any} */ { notifications, unreadCount, version }) => {
      for (const one of notifications) put(one, version);
      count(version, unreadCount);
    },
    'new-notification': (/** @type {any} */ { unread_count, version, is_silent: _, ...notification }) => {
      put(notification, version);
      count(version, unread_count);
    },
    'notification-read': (/** @type {any} */ { notificationId, unreadCount, version }) => {
      const before = known.get(notificationId);
      if (!before || before.version <= version) {
        known.set(notificationId, { version, notification: before?.notification ?? null, isRead: true });
      }
      count(version, unreadCount);
    },
    'notifications-read-all': (/** @type {any} */ { unreadCount, version, readUpToVersion }) => {
      readUpTo = Math.max(readUpTo, readUpToVersion);
      for (const one of known.values()) if (one.version <= readUpToVersion) one.isRead = true;
      count(version, unreadCount);
    },
    'notification-removed': (/** @type {any} */ { notificationId, unreadCount, version }) => {
      known.delete(notificationId);
      count(version, unreadCount);
    },
  };
  for (const [event, handler] of Object.entries(handlers)) client.socket.on(event, handler);

  return {
    get unread() {
      return counted.unread;
    },
    get version() {
      return counted.version;
    },
    /** @returns {[string, boolean][]} each notification's id and whether it is read, by id */
    list() {
      const shown = [...known].filter(([, one]) => one.notification !== null);
      return shown.map(([id, one]) => /** @type {[string, boolean]} */ ([id, one.isRead])).sort(([a], [b]) => a.localeCompare(b));
    },
  };
}
