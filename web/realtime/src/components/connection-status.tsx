import { Alert, Button, Group, Text } from '@mantine/core';
import { IconCloudOff, IconLock, IconPlugConnectedX } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { useWebSocket } from '../react/index.ts';
import { useTexts } from './texts/index.ts';

/** How long a connection may be away before it is worth a word, in milliseconds. */
const PATIENCE_MS = 1_500;

/**
 * Says what is wrong with the connection, when the next attempt is, and how much waits for it; else nothing. With
 * `onSignIn` there is a way to sign in again where no token is taken any more.
 */
export function ConnectionStatus({ onSignIn }: { onSignIn?: () => void }) {
  const { state, retryAt, waiting, reconnect } = useWebSocket();
  const { t } = useTexts();
  const [isPatient, setPatient] = useState(true);
  const [now, setNow] = useState(() => Date.now());
  const isAway = state === 'connecting' || state === 'reconnecting';

  useEffect(() => {
    setPatient(true);
    if (!isAway) return;
    const timer = setTimeout(() => setPatient(false), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [isAway]);
  useEffect(() => {
    if (retryAt === null) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [retryAt]);

  const isQuiet = state === 'connected' || state === 'idle' || state === 'closed' || (isAway && isPatient);
  const seconds = retryAt === null ? 0 : Math.ceil((retryAt - now) / 1000);
  const text = () => {
    if (state === 'offline') return t('connection.offline');
    if (state === 'refused') return t('connection.refused');
    if (seconds > 0) return t('connection.retryIn', { count: seconds });
    return t(state === 'connecting' ? 'connection.connecting' : 'connection.reconnecting');
  };
  const Icon = state === 'offline' ? IconCloudOff : state === 'refused' ? IconLock : IconPlugConnectedX;
  return (
    <div role="status" aria-live="polite" data-testid="connection-status" data-state={state}>
      {!isQuiet && (
        <Alert color={state === 'refused' ? 'red' : 'saffron'} icon={<Icon size={18} />} radius={0} py="xs">
          <Group justify="space-between" gap="sm" wrap="nowrap">
            <div>
              <Text size="sm">{text()}</Text>
              {waiting > 0 && (
                <Text size="xs" c="dimmed">
                  {t('connection.waiting', { count: waiting })}
                </Text>
              )}
            </div>
            {state === 'refused' && onSignIn && (
              <Button size="compact-sm" variant="default" onClick={onSignIn}>
                {t('connection.signIn')}
              </Button>
            )}
            {state !== 'refused' && state !== 'offline' && (
              <Button size="compact-sm" variant="default" onClick={reconnect}>
                {t('connection.now')}
              </Button>
            )}
          </Group>
        </Alert>
      )}
    </div>
  );
}
