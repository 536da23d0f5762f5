import { Button, Skeleton, Stack, Text, Textarea, Title } from '@mantine/core';
import { ErrorState, Person } from '@sinaesta/realtime/components';
import { type FormEvent, useCallback, useEffect, useState } from 'react';
import { type DemoPerson, people as loadPeople, type Session } from '../session.ts';
import { useDemoTexts } from '../texts/index.ts';
import styles from './sign-in.module.css';

const GROUPS = [
  { key: 'signIn.students', roles: ['STUDENT'] },
  { key: 'signIn.mentors', roles: ['MENTOR'] },
  { key: 'signIn.admins', roles: ['PROGRAM_ADMIN', 'SUPER_ADMIN'] },
] as const;

/** Who would you like to be? */
export function SignIn({ onEnter }: { onEnter: (session: Session) => void }) {
  const { t } = useDemoTexts();
  const [people, setPeople] = useState<DemoPerson[] | null | undefined>(undefined);
  const [hasFailed, setFailed] = useState(false);
  const load = useCallback(() => {
    setFailed(false);
    loadPeople().then(setPeople, () => setFailed(true));
  }, []);
  useEffect(load, [load]);
  return (
    <main className={styles.page}>
      <div className={styles.story}>
        <Text fw={700} size="lg">
          Sinaesta
        </Text>
        <h1>{t('app.tagline')}</h1>
        <svg className={styles.pulse} viewBox="0 0 600 120" fill="none" aria-hidden="true">
          <path
            d="M0 70h150l22-44 40 86 28-58 16 16h90l18-30 24 30h212"
            stroke="#fea838"
            strokeWidth="3"
            strokeLinecap="round"
            strokeLinejoin="round"
          />
        </svg>
      </div>
      <div className={styles.choice}>
        {hasFailed && <ErrorState title={t('signIn.failed')} onRetry={load} />}
        {!hasFailed && people === undefined && <Skeleton h={320} />}
        {people === null && <TokenForm onEnter={onEnter} />}
        {people && (
          <Stack gap="xl">
            <div>
              <Title order={2}>{t('signIn.title')}</Title>
              <Text c="dimmed" mt={6}>
                {t('signIn.hint')}
              </Text>
            </div>
            {GROUPS.map(({ key, roles }) => (
              <section key={key} aria-label={t(key)}>
                <Text size="sm" fw={600} mb="xs">
                  {t(key)}
                </Text>
                <div className={styles.people}>
                  {people
                    .filter((one) => (roles as readonly string[]).includes(one.role))
                    .map((one) => (
                      <button
                        key={one.id}
                        type="button"
                        className={styles.person}
                        onClick={() => onEnter({ userId: one.id })}
                      >
                        <Person name={one.name} size={40} />
                        <span>
                          <Text component="span" display="block" size="sm" fw={600}>
                            {one.name}
                          </Text>
                          <Text component="span" display="block" size="xs" c="dimmed">
                            {one.specialty}
                          </Text>
                        </span>
                      </button>
                    ))}
                </div>
              </section>
            ))}
          </Stack>
        )}
      </div>
    </main>
  );
}

function TokenForm({ onEnter }: { onEnter: (session: Session) => void }) {
  const { t } = useDemoTexts();
  const [token, setToken] = useState('');
  const enter = (event: FormEvent) => {
    event.preventDefault();
    onEnter({ token: token.trim() });
  };
  return (
    <form onSubmit={enter}>
      <Stack>
        <Text>{t('signIn.tokenHint')}</Text>
        <Textarea
          label={t('signIn.token')}
          autosize
          minRows={3}
          value={token}
          onChange={(event) => setToken(event.currentTarget.value)}
        />
        <Button type="submit" disabled={token.trim() === ''}>
          {t('signIn.enter')}
        </Button>
      </Stack>
    </form>
  );
}
