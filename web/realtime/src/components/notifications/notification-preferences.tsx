import { Group, Skeleton, Stack, Switch, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { NotificationType, Preferences, QuietHours } from '../../core/index.ts';
import { useNotifications } from '../../react/index.ts';
import { useTexts } from '../texts/index.ts';

const TYPES: readonly NotificationType[] = ['EXAM_UPDATE', 'MESSAGE', 'LEADERBOARD', 'SYSTEM'];
const NIGHT = { from: '22:00', until: '06:00' };

/** What the user is told of, and when it is quiet. */
export function NotificationPreferences() {
  const { t } = useTexts();
  const { preferences, setPreferences } = useNotifications();
  const [problem, setProblem] = useState<string | null>(null);
  if (preferences === null) return <Skeleton h={180} />;
  const save = (next: Preferences) => {
    setProblem(null);
    setPreferences(next).catch((reason: unknown) =>
      setProblem(reason instanceof Error ? reason.message : String(reason)),
    );
  };
  const quiet = TYPES.map((type) => preferences[type]?.quietHours).find((hours) => hours !== undefined);
  const setQuiet = (hours: QuietHours | undefined) => {
    const of = (type: NotificationType) => ({
      enabled: preferences[type]?.enabled ?? true,
      ...(hours ? { quietHours: hours } : {}),
    });
    save(Object.fromEntries(TYPES.map((type) => [type, of(type)])));
  };
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  return (
    <Stack component="section" aria-label={t('bell.preferences')} data-testid="preferences">
      <Text fw={650}>{t('bell.preferences')}</Text>
      {TYPES.map((type) => (
        <Switch
          key={type}
          label={t(`bell.${type}`)}
          checked={preferences[type]?.enabled ?? true}
          onChange={(event) => save({ [type]: { ...preferences[type], enabled: event.currentTarget.checked } })}
        />
      ))}
      <Switch
        label={t('bell.quiet')}
        description={t('bell.quietHint')}
        checked={quiet !== undefined}
        onChange={(event) => setQuiet(event.currentTarget.checked ? { ...NIGHT, timeZone } : undefined)}
      />
      {quiet && (
        <Group>
          <Hour label={t('bell.from')} value={quiet.from} onChange={(from) => setQuiet({ ...quiet, from })} />
          <Hour label={t('bell.until')} value={quiet.until} onChange={(until) => setQuiet({ ...quiet, until })} />
        </Group>
      )}
      {problem && (
        <Text c="red" size="sm" role="alert">
          {problem}
        </Text>
      )}
    </Stack>
  );
}

function Hour({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  return (
    <TextInput
      type="time"
      label={label}
      value={value}
      onChange={(event) => event.currentTarget.value !== '' && onChange(event.currentTarget.value)}
    />
  );
}
