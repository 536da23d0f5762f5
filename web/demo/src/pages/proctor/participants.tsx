import { ActionIcon, Badge, Group, Menu, Progress, Text } from '@mantine/core';
import type { MonitoredParticipant } from '@sinaesta/realtime';
import { Person } from '@sinaesta/realtime/components';
import { IconDots } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { useDemoTexts } from '../../texts/index.ts';
import styles from './proctor.module.css';

interface ParticipantsProps {
  participants: readonly MonitoredParticipant[];
  total: number;
  serverNow: () => number;
  onExtend: (userId: string) => void;
  onPause: (userId: string) => void;
  onResume: (userId: string) => void;
}

const COLOURS = { WAITING: 'gray', IN_PROGRESS: 'teal', PAUSED: 'saffron', COMPLETED: 'gray' };

/** Everyone in an exam: how far they are, how long they have, and what can be done about it. */
export function Participants({ participants, total, serverNow, onExtend, onPause, onResume }: ParticipantsProps) {
  const { t } = useDemoTexts();
  const now = useNow(serverNow);
  const sorted = [...participants].sort((a, b) => a.user_name.localeCompare(b.user_name));
  return (
    <table className={styles.table} data-testid="participants">
      <thead>
        <tr>
          {(['name', 'progress', 'timeLeft', 'state', 'score', 'actions'] as const).map((key) => (
            <th key={key} scope="col">
              {t(`proctor.${key}`)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {sorted.map((one) => (
          <tr key={one.user_id} data-testid="participant">
            <td>
              <Group gap="sm" wrap="nowrap">
                <Person name={one.user_name} size={32} status={one.is_connected ? 'online' : 'offline'} />
                <Text size="sm">{one.user_name}</Text>
              </Group>
            </td>
            <td>
              <Text size="sm" mb={4}>
                {one.answered_count} / {total}
              </Text>
              <Progress
                value={total > 0 ? (one.answered_count / total) * 100 : 0}
                aria-label={t('proctor.progress')}
                w={110}
              />
            </td>
            <td className={styles.number}>{one.status === 'COMPLETED' ? '–' : clock(one, now)}</td>
            <td>
              <Badge color={COLOURS[one.status]}>{t(`proctor.${one.status}`)}</Badge>
            </td>
            <td className={styles.number}>{one.score ?? '–'}</td>
            <td>
              {one.status !== 'COMPLETED' && (
                <Menu position="bottom-end">
                  <Menu.Target>
                    <ActionIcon aria-label={`${t('proctor.actions')}: ${one.user_name}`}>
                      <IconDots size={18} />
                    </ActionIcon>
                  </Menu.Target>
                  <Menu.Dropdown>
                    <Menu.Item onClick={() => onExtend(one.user_id)}>{t('proctor.extend')}</Menu.Item>
                    {one.status === 'PAUSED' ? (
                      <Menu.Item onClick={() => onResume(one.user_id)}>{t('proctor.resume')}</Menu.Item>
                    ) : (
                      <Menu.Item onClick={() => onPause(one.user_id)}>{t('proctor.pause')}</Menu.Item>
                    )}
                  </Menu.Dropdown>
                </Menu>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function clock(one: MonitoredParticipant, now: number): string {
  const left =
    one.status === 'PAUSED' ? one.time_remaining : Math.max(0, Math.ceil((Date.parse(one.ends_at) - now) / 1000));
  return `${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`;
}

function useNow(read: () => number): number {
  const [now, setNow] = useState(read);
  useEffect(() => {
    const timer = setInterval(() => setNow(read()), 1_000);
    return () => clearInterval(timer);
  }, [read]);
  return now;
}
