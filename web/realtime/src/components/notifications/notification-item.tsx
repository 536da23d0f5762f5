import { ActionIcon, Badge, Group, Text } from '@mantine/core';
import { IconBell, IconCheck, IconClipboardText, IconMessageCircle, IconTrophy } from '@tabler/icons-react';
import type { Notification, NotificationType } from '../../core/index.ts';
import { safeHref } from '../message-text.tsx';
import { When } from '../pieces.tsx';
import { useTexts } from '../texts/index.ts';
import styles from './notifications.module.css';

const ICONS: Record<NotificationType, typeof IconBell> = {
  EXAM_UPDATE: IconClipboardText,
  MESSAGE: IconMessageCircle,
  LEADERBOARD: IconTrophy,
  SYSTEM: IconBell,
};

interface ItemProps {
  notification: Notification;
  onRead: (id: string) => void;
  /** Goes to a path of this site. */
  onNavigate: (path: string) => void;
}

/** One notification: what it says, how much it matters, and the way to what it is about. */
export function NotificationItem({ notification, onRead, onNavigate }: ItemProps) {
  const { t } = useTexts();
  const Icon = ICONS[notification.type];
  const open = () => {
    if (!notification.is_read) onRead(notification.id);
    follow(notification.action_url, onNavigate);
  };
  return (
    <li className={styles.item} data-unread={!notification.is_read} data-testid="notification">
      <Icon size={20} stroke={1.6} className={styles.icon} aria-hidden />
      <button type="button" className={styles.main} onClick={open}>
        <Group gap={6} wrap="nowrap">
          <Text fw={notification.is_read ? 500 : 650} size="sm" component="span">
            {notification.title}
          </Text>
          {notification.priority === 'urgent' && <Badge color="red">{t('bell.urgent')}</Badge>}
          {notification.priority === 'high' && <Badge color="saffron">{t('bell.high')}</Badge>}
          {notification.count > 1 && (
            <Badge color="gray" variant="light">
              {notification.count}
            </Badge>
          )}
        </Group>
        <Text size="sm" c="dimmed" component="span" className={styles.text}>
          {notification.message}
        </Text>
        <Text size="xs" c="dimmed" component="span">
          <When at={notification.updated_at} />
        </Text>
      </button>
      {!notification.is_read && (
        <ActionIcon aria-label={t('bell.markRead')} onClick={() => onRead(notification.id)}>
          <IconCheck size={16} />
        </ActionIcon>
      )}
    </li>
  );
}

/** A path is this site's; any other address opens beside it, and only http(s) is followed at all. */
export function follow(url: string | null, onNavigate: (path: string) => void) {
  if (url === null) return;
  if (/^\/(?![/\\])/.test(url)) onNavigate(url);
  else if (/^https?:/i.test(url) && safeHref(url) !== null) window.open(url, '_blank', 'noopener,noreferrer');
}
