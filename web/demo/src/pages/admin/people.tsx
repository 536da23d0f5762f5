import { Button, Card, Group, Stack, Text } from '@mantine/core';
import { Person, useTexts } from '@sinaesta/realtime/components';
import { useClient } from '@sinaesta/realtime/react';
import { useEffect, useState } from 'react';
import { type DemoPerson, people as loadPeople } from '../../session.ts';
import { useDemoTexts } from '../../texts/index.ts';
import { Outcome } from './outcome.tsx';
import { useAttempt } from './use-attempt.ts';

/** Who may connect. */
export function People() {
  const { t } = useDemoTexts();
  const { t: say } = useTexts();
  const { http } = useClient();
  const [people, setPeople] = useState<DemoPerson[]>([]);
  const { attempt, isBusy, ...outcome } = useAttempt();
  useEffect(() => {
    loadPeople().then(
      (found) => setPeople(found ?? []),
      () => {},
    );
  }, []);
  const act = (person: DemoPerson, what: string, method: string, path: string, body: object) =>
    void attempt(async () => {
      await http.request(method, `/api/users/${person.id}/${path}`, body);
      return t('admin.done', { what, name: person.name });
    });
  return (
    <Stack>
      <Outcome {...outcome} />
      {people.map((one) => (
        <Card key={one.id} padding="md" component="article" aria-label={one.name}>
          <Group justify="space-between">
            <Group>
              <Person name={one.name} />
              <div>
                <Text size="sm" fw={600}>
                  {one.name}
                </Text>
                <Text size="xs" c="dimmed">
                  {say(`role.${one.role}`)}
                </Text>
              </div>
            </Group>
            <Group gap="xs">
              <Button
                size="compact-sm"
                variant="default"
                disabled={isBusy}
                onClick={() => act(one, t('admin.revoke'), 'POST', 'tokens/revoke', {})}
              >
                {t('admin.revoke')}
              </Button>
              <Button
                size="compact-sm"
                variant="default"
                disabled={isBusy}
                onClick={() => act(one, t('admin.letIn'), 'PUT', 'suspension', { suspended: false })}
              >
                {t('admin.letIn')}
              </Button>
              <Button
                size="compact-sm"
                variant="light"
                color="red"
                disabled={isBusy}
                onClick={() => act(one, t('admin.suspend'), 'PUT', 'suspension', { suspended: true })}
              >
                {t('admin.suspend')}
              </Button>
            </Group>
          </Group>
        </Card>
      ))}
    </Stack>
  );
}
