import { Button, Card, Group, Select, Stack, Textarea, TextInput } from '@mantine/core';
import type { NotificationType, Priority, Recipients, Role } from '@sinaesta/realtime';
import { useTexts } from '@sinaesta/realtime/components';
import { useNotifications } from '@sinaesta/realtime/react';
import { type FormEvent, useState } from 'react';
import { useDemoTexts } from '../../texts/index.ts';
import { Outcome } from './outcome.tsx';
import { useAttempt } from './use-attempt.ts';

const ROLES: readonly Role[] = ['STUDENT', 'MENTOR', 'PROGRAM_ADMIN', 'SUPER_ADMIN'];
const KINDS: readonly NotificationType[] = ['SYSTEM', 'EXAM_UPDATE', 'MESSAGE', 'LEADERBOARD'];
const PRIORITIES: readonly Priority[] = ['low', 'normal', 'high', 'urgent'];

/** Tells everybody, or those with a role or a specialty. */
export function Announcements() {
  const { t } = useDemoTexts();
  const { t: say } = useTexts();
  const { sendNotification } = useNotifications();
  const { attempt, isBusy, ...outcome } = useAttempt();
  const [role, setRole] = useState<string | null>(null);
  const [specialty, setSpecialty] = useState('');
  const [type, setType] = useState<NotificationType>('SYSTEM');
  const [priority, setPriority] = useState<Priority>('normal');
  const [title, setTitle] = useState('');
  const [message, setMessage] = useState('');
  const [actionUrl, setActionUrl] = useState('');
  const send = (event: FormEvent) => {
    event.preventDefault();
    const chosen: Recipients = {
      ...(role ? { role: role as Role } : {}),
      ...(specialty.trim() ? { specialty: specialty.trim() } : {}),
    };
    const audience = Object.keys(chosen).length === 0 ? { all: true } : chosen;
    void attempt(async () => {
      await sendNotification({
        audience,
        type,
        priority,
        title,
        message,
        ...(actionUrl.trim() ? { actionUrl: actionUrl.trim() } : {}),
      });
      return t('admin.sent');
    });
  };
  return (
    <Card>
      <form onSubmit={send}>
        <Stack>
          <Group grow align="flex-end">
            <Select
              label={t('admin.to')}
              placeholder={t('admin.toAll')}
              clearable
              data={ROLES.map((value) => ({ value, label: say(`role.${value}`) }))}
              value={role}
              onChange={setRole}
            />
            <TextInput
              label={t('admin.specialty')}
              value={specialty}
              onChange={(event) => setSpecialty(event.currentTarget.value)}
            />
          </Group>
          <Group grow>
            <Select
              label={t('admin.kind')}
              allowDeselect={false}
              data={[...KINDS]}
              value={type}
              onChange={(value) => setType(value as NotificationType)}
            />
            <Select
              label={t('admin.priority')}
              allowDeselect={false}
              data={[...PRIORITIES]}
              value={priority}
              onChange={(value) => setPriority(value as Priority)}
            />
          </Group>
          <TextInput
            required
            maxLength={200}
            label={t('admin.announceTitle')}
            value={title}
            onChange={(event) => setTitle(event.currentTarget.value)}
          />
          <Textarea
            required
            maxLength={2000}
            autosize
            minRows={3}
            label={t('admin.announceText')}
            value={message}
            onChange={(event) => setMessage(event.currentTarget.value)}
          />
          <TextInput
            label={t('admin.announceLink')}
            value={actionUrl}
            onChange={(event) => setActionUrl(event.currentTarget.value)}
          />
          <Outcome {...outcome} />
          <Button type="submit" loading={isBusy} style={{ alignSelf: 'flex-start' }}>
            {t('admin.send')}
          </Button>
        </Stack>
      </form>
    </Card>
  );
}
