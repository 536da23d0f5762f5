import { Avatar, Box, Button, Indicator, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Status } from '../core/index.ts';
import { useTexts } from './texts/index.ts';

const PRESENCE: Record<Status, string> = {
  online: 'teal.5',
  away: 'saffron.4',
  busy: 'red.6',
  dnd: 'red.6',
  offline: 'gray.5',
};

/** Ground and letters: each pair can be read well, in light and in dark. */
const FACES = [
  ['#d3ebe7', '#06423c'],
  ['#dbe7fb', '#173a75'],
  ['#efe0fa', '#4a1a75'],
  ['#fde4ea', '#7a1632'],
  ['#ffeacc', '#6f3f00'],
  ['#e3edd2', '#33480d'],
  ['#e4e4ea', '#33333d'],
  ['#d6eef7', '#0b4257'],
] as const;

/** Somebody's initials, always in the same colours. */
export function Face({ name, size = 36 }: { name: string; size?: number }) {
  const sum = [...name].reduce((hash, letter) => (hash * 31 + (letter.codePointAt(0) ?? 0)) % 9973, 7);
  const [background, color] = FACES[sum % FACES.length] ?? FACES[0];
  const styles = { placeholder: { background, color } };
  return <Avatar name={name.replace(/^dr\.\s*/i, '')} size={size} radius={999} styles={styles} aria-hidden />;
}

/** Somebody's initials with a dot for how they show, if that is known. */
export function Person({ name, status, size = 36 }: { name: string; status?: Status; size?: number }) {
  const { t } = useTexts();
  if (status === undefined) return <Face name={name} size={size} />;
  return (
    <Indicator color={PRESENCE[status]} position="bottom-end" offset={4} size={10} withBorder>
      <Face name={name} size={size} />
      <Box component="span" className="rt-hidden">
        {t(`status.${status}`)}
      </Box>
    </Indicator>
  );
}

interface StateProps {
  title: string;
  hint?: string | undefined;
  icon?: ReactNode;
  action?: ReactNode;
}

/** Instead of a list that has nothing in it. */
export function EmptyState({ title, hint, icon, action }: StateProps) {
  return (
    <Stack align="center" justify="center" gap="xs" p="xl" ta="center" h="100%">
      <Box c="dimmed">{icon}</Box>
      <Text fw={600}>{title}</Text>
      {hint && (
        <Text c="dimmed" size="sm" maw={360}>
          {hint}
        </Text>
      )}
      {action}
    </Stack>
  );
}

/** Instead of what could not be brought, with a way to try again where there is one. */
export function ErrorState({ title, hint, onRetry }: { title: string; hint?: string; onRetry?: () => void }) {
  const { t } = useTexts();
  const action = onRetry && (
    <Button variant="light" onClick={onRetry}>
      {t('again')}
    </Button>
  );
  return (
    <Box role="alert" h="100%">
      <EmptyState title={title} hint={hint} action={action} />
    </Box>
  );
}

/** How long ago, or on which day: short, with the whole moment as its title. */
export function When({ at }: { at: string }) {
  const { language } = useTexts();
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  const short = isToday ? { hour: '2-digit', minute: '2-digit' } : { day: 'numeric', month: 'short' };
  return (
    <time dateTime={at} title={date.toLocaleString(language)}>
      {date.toLocaleString(language, short as Intl.DateTimeFormatOptions)}
    </time>
  );
}
