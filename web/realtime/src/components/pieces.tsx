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

/** Somebody's initials in a colour of their own, with a dot for how they show. */
export function Person({ name, status, size = 36 }: { name: string; status?: Status; size?: number }) {
  const { t } = useTexts();
  const avatar = <Avatar name={name.replace(/^dr\.\s*/i, '')} color="initials" size={size} radius="xl" aria-hidden />;
  if (status === undefined) return avatar;
  return (
    <Indicator color={PRESENCE[status]} position="bottom-end" offset={4} size={10} withBorder>
      {avatar}
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
