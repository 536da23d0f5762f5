import { Badge, Group, SegmentedControl, Select, Skeleton, Stack, Text, ThemeIcon } from '@mantine/core';
import { useReducedMotion } from '@mantine/hooks';
import { IconCaretDownFilled, IconCaretUpFilled, IconCrown, IconTrophy } from '@tabler/icons-react';
import { motion } from 'motion/react';
import { useState } from 'react';
import type { LeaderboardEntry, Period, UserRank } from '../../core/index.ts';
import { useLeaderboard, useUser } from '../../react/index.ts';
import { EmptyState, ErrorState, Person } from '../pieces.tsx';
import { useTexts } from '../texts/index.ts';
import styles from './leaderboard.module.css';

const PERIODS: readonly Period[] = ['weekly', 'monthly', 'all_time'];
const SPECIALTIES = ['Ilmu Penyakit Dalam', 'Ilmu Bedah', 'Ilmu Kesehatan Anak', 'Obstetri dan Ginekologi'];

export interface LiveLeaderboardProps {
  /** What can be chosen besides everyone's board. */
  specialties?: readonly string[];
  /** 1 to 100; 50 when left out. */
  limit?: number;
}

/** A board that moves: by period and specialty, with one's own place always in sight. */
export function LiveLeaderboard({ specialties = SPECIALTIES, limit = 50 }: LiveLeaderboardProps) {
  const { t, language } = useTexts();
  const [period, setPeriod] = useState<Period>('weekly');
  const [specialty, setSpecialty] = useState<string | null>(null);
  const board = useLeaderboard(period, specialty ?? undefined, { limit });
  const user = useUser();
  const top = board.entries.length >= 3 ? board.entries.slice(0, 3) : [];
  const time = board.lastUpdated?.toLocaleTimeString(language);
  return (
    <Stack gap="lg" data-testid="leaderboard">
      <Group justify="space-between" gap="sm">
        <SegmentedControl
          aria-label={t('board.period')}
          value={period}
          onChange={(value) => setPeriod(value as Period)}
          data={PERIODS.map((value) => ({ value, label: t(`board.${value}`) }))}
        />
        <Select
          aria-label={t('board.specialty')}
          placeholder={t('board.everyone')}
          data={[...specialties]}
          value={specialty}
          onChange={setSpecialty}
          clearable
          w={240}
        />
      </Group>
      {board.error && <ErrorState title={board.error.message} onRetry={board.refresh} />}
      {!board.error && board.isLoading && <Skeleton h={280} radius="lg" />}
      {!board.error && !board.isLoading && board.entries.length === 0 && (
        <EmptyState icon={<IconTrophy size={40} stroke={1.4} />} title={t('board.empty')} hint={t('board.emptyHint')} />
      )}
      {top.length === 3 && <Podium entries={top} />}
      {board.entries.length > 0 && <Table entries={board.entries} me={user?.id ?? null} />}
      {board.userRank && <Mine rank={board.userRank} />}
      {time && (
        <Text size="xs" c="dimmed" aria-live="off">
          {t('board.updated', { time })}
        </Text>
      )}
    </Stack>
  );
}

function Podium({ entries }: { entries: readonly LeaderboardEntry[] }) {
  const { t } = useTexts();
  const [first, second, third] = entries;
  return (
    <div className={styles.podium} aria-hidden>
      {[second, first, third].map(
        (one) =>
          one && (
            <motion.div layout key={one.user_id} className={styles.place} data-rank={one.rank}>
              {one.rank === 1 && <IconCrown size={22} color="var(--rt-urgent-text)" />}
              <Person name={one.user_name} size={one.rank === 1 ? 60 : 46} />
              <Text size="sm" fw={600} lineClamp={1} maw="100%">
                {one.user_name}
              </Text>
              <span className={styles.figure}>{one.total_score}</span>
              <Text size="xs" c="dimmed">
                {t('board.rank')} {one.rank}
              </Text>
            </motion.div>
          ),
      )}
    </div>
  );
}

function Table({ entries, me }: { entries: readonly LeaderboardEntry[]; me: string | null }) {
  const { t } = useTexts();
  const isStill = useReducedMotion();
  return (
    <table className={styles.table}>
      <caption className="rt-hidden">{t('board.title')}</caption>
      <thead>
        <tr>
          <th scope="col">{t('board.rank')}</th>
          <th scope="col">{t('board.name')}</th>
          <th scope="col" className={`${styles.number} ${styles.wide}`}>
            {t('board.exams')}
          </th>
          <th scope="col" className={`${styles.number} ${styles.wide}`}>
            {t('board.average')}
          </th>
          <th scope="col" className={styles.number}>
            {t('board.points')}
          </th>
        </tr>
      </thead>
      <tbody>
        {entries.map((one) => (
          <motion.tr
            key={one.user_id}
            layout={isStill ? false : 'position'}
            transition={{ type: 'spring', stiffness: 420, damping: 40 }}
            className={one.user_id === me ? styles.me : undefined}
            aria-current={one.user_id === me ? 'true' : undefined}
            data-testid="entry"
          >
            <td className={styles.rank}>
              {one.rank} <Moved from={one.previous_rank} to={one.rank} />
            </td>
            <td>
              <Group gap="sm" wrap="nowrap">
                <Person name={one.user_name} size={30} />
                <Text size="sm" component="span">
                  {one.user_name}
                </Text>
                {one.user_id === me && <Badge>{t('board.you')}</Badge>}
              </Group>
            </td>
            <td className={`${styles.number} ${styles.wide}`}>{one.exams_completed}</td>
            <td className={`${styles.number} ${styles.wide}`}>{one.average_score.toFixed(2)}</td>
            <td className={styles.number}>
              <b>{one.total_score}</b>
            </td>
          </motion.tr>
        ))}
      </tbody>
    </table>
  );
}

function Moved({ from, to }: { from: number | null; to: number }) {
  const { t } = useTexts();
  if (from === null || from === to) return null;
  const isUp = from > to;
  const label = t(isUp ? 'board.up' : 'board.down', { count: Math.abs(from - to) });
  return (
    <ThemeIcon size={16} variant="transparent" color={isUp ? 'teal' : 'red'} role="img" aria-label={label}>
      {isUp ? <IconCaretUpFilled size={14} /> : <IconCaretDownFilled size={14} />}
    </ThemeIcon>
  );
}

function Mine({ rank }: { rank: UserRank }) {
  const { t } = useTexts();
  return (
    <div className={styles.mine} data-testid="user-rank">
      <span>
        {t('board.yours')}: <b>#{rank.rank}</b> {t('board.of', { count: rank.participants })}
      </span>
      <span>
        <b>{rank.total_score}</b> {t('board.points')}
      </span>
    </div>
  );
}
