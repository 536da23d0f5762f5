import { ActionIcon, Button, Group, Indicator, Popover, ScrollArea, Switch, Text } from '@mantine/core';
import { useLocalStorage } from '@mantine/hooks';
import { IconBell, IconBellCheck } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import type { Notification } from '../../core/index.ts';
import { useNotifications } from '../../react/index.ts';
import { EmptyState } from '../pieces.tsx';
import { useTexts } from '../texts/index.ts';
import { NotificationItem } from './notification-item.tsx';
import styles from './notifications.module.css';
import { playTone } from './sound.ts';

export interface NotificationBellProps {
  /** Goes to a path of this site; without it the browser does. */
  onNavigate?: (path: string) => void;
  /** Called with each one that is new, to show it as a toast. */
  onNew?: (notification: Notification) => void;
  /** Where all of them are, if there is such a page. */
  allPath?: string;
}

/** The bell: how many are unread, the latest ones, and a sound for those who want it. */
export function NotificationBell({
  onNavigate = (path) => window.location.assign(path),
  onNew,
  allPath,
}: NotificationBellProps) {
  const { t } = useTexts();
  const { notifications, unreadCount, markAsRead, markAllAsRead, onNew: listen } = useNotifications();
  const [isOpen, setOpen] = useState(false);
  const [hasSound, setSound] = useLocalStorage({ key: 'sinaesta-sound', defaultValue: false });

  useEffect(
    () =>
      listen((notification, { isSilent }) => {
        if (!isSilent && hasSound) playTone();
        if (!isSilent) onNew?.(notification);
      }),
    [listen, hasSound, onNew],
  );
  const go = (path: string) => {
    setOpen(false);
    onNavigate(path);
  };
  return (
    <Popover opened={isOpen} onChange={setOpen} position="bottom-end" width="min(400px, 94vw)" shadow="md" trapFocus>
      <Indicator
        label={unreadCount > 99 ? '99+' : unreadCount}
        disabled={unreadCount === 0}
        size={18}
        offset={9}
        color="red.8"
        data-testid="badge"
      >
        <Popover.Target>
          <ActionIcon size={40} aria-label={t('bell.label', { count: unreadCount })} onClick={() => setOpen(!isOpen)}>
            <IconBell size={22} stroke={1.7} />
          </ActionIcon>
        </Popover.Target>
      </Indicator>
      <Popover.Dropdown p={0} aria-label={t('bell.title')}>
        <Group justify="space-between" px="md" py="sm">
          <Text fw={650}>{t('bell.title')}</Text>
          <Button size="compact-sm" variant="subtle" disabled={unreadCount === 0} onClick={markAllAsRead}>
            {t('bell.readAll')}
          </Button>
        </Group>
        <ScrollArea.Autosize mah="60vh">
          {notifications.length === 0 ? (
            <EmptyState
              icon={<IconBellCheck size={36} stroke={1.4} />}
              title={t('bell.empty')}
              hint={t('bell.emptyHint')}
            />
          ) : (
            <ul className={styles.list}>
              {notifications.slice(0, 20).map((one) => (
                <NotificationItem key={one.id} notification={one} onRead={markAsRead} onNavigate={go} />
              ))}
            </ul>
          )}
        </ScrollArea.Autosize>
        <Group justify="space-between" px="md" py="sm">
          <Switch
            size="sm"
            label={t('bell.sound')}
            checked={hasSound}
            onChange={(event) => setSound(event.currentTarget.checked)}
          />
          {allPath && (
            <Button size="compact-sm" variant="subtle" onClick={() => go(allPath)}>
              {t('bell.all')}
            </Button>
          )}
        </Group>
      </Popover.Dropdown>
    </Popover>
  );
}

/** All of the user's notifications, more as they are asked for. */
export function NotificationList({ onNavigate }: { onNavigate: (path: string) => void }) {
  const { t } = useTexts();
  const { notifications, markAsRead, hasMore, loadMore } = useNotifications();
  if (notifications.length === 0) {
    return (
      <EmptyState icon={<IconBellCheck size={36} stroke={1.4} />} title={t('bell.empty')} hint={t('bell.emptyHint')} />
    );
  }
  return (
    <>
      <ul className={styles.list}>
        {notifications.map((one) => (
          <NotificationItem key={one.id} notification={one} onRead={markAsRead} onNavigate={onNavigate} />
        ))}
      </ul>
      {hasMore && (
        <Button variant="default" m="md" onClick={() => void loadMore().catch(() => {})}>
          {t('bell.more')}
        </Button>
      )}
    </>
  );
}
