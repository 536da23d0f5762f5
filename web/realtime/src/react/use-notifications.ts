import { useEffect } from 'react';
import { useClient, useStore } from './context.ts';
import type { UseNotifications } from './types.ts';

/** The user's notifications; the count is the same on all of their pages. */
export function useNotifications(): UseNotifications {
  const { inbox, onConnected } = useClient();
  const { notifications, unreadCount, isLoading, hasMore, preferences } = useStore(inbox.snapshot);
  useEffect(
    () =>
      onConnected(() => {
        if (inbox.snapshot.get().preferences === null) inbox.loadPreferences().catch(() => {});
      }),
    [inbox, onConnected],
  );
  return {
    notifications,
    unreadCount,
    markAsRead: inbox.markRead,
    markAllAsRead: inbox.markAllRead,
    sendNotification: inbox.send,
    isLoading,
    hasMore,
    loadMore: inbox.loadMore,
    preferences,
    setPreferences: inbox.setPreferences,
    onNew: inbox.onNew,
  };
}
