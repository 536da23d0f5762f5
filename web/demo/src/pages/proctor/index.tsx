import { Button, Group, Modal, SegmentedControl, Stack, Text, Title } from '@mantine/core';
import { Chat, EmptyState, ErrorState } from '@sinaesta/realtime/components';
import { useClient, useExamMonitor, useUser } from '@sinaesta/realtime/react';
import { useEffect, useState } from 'react';
import { useParams } from 'react-router';
import { useDemoTexts } from '../../texts/index.ts';
import { Participants } from './participants.tsx';
import styles from './proctor.module.css';

type Shown = 'everyone' | 'connected' | 'away' | 'completed';
const SHOWN: readonly Shown[] = ['everyone', 'connected', 'away', 'completed'];
/** How many minutes are given at a time. */
const MINUTES = 5;

/** An exam as its proctors see it, with its chat beside it. */
export default function ProctorPage() {
  const { examId = '' } = useParams();
  const { t } = useDemoTexts();
  const user = useUser();
  if (user?.role === 'STUDENT') return <EmptyState title={t('app.forStaff')} />;
  return <Proctor key={examId} examId={examId} />;
}

function Proctor({ examId }: { examId: string }) {
  const { t } = useDemoTexts();
  const { http } = useClient();
  const monitor = useExamMonitor(examId);
  const [exam, setExam] = useState<{ title: string; total_questions: number } | null>(null);
  const [shown, setShown] = useState<Shown>('everyone');
  const [asked, setAsked] = useState<(() => Promise<void>) | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    http.request<{ title: string; total_questions: number }>('GET', `/api/exams/${examId}`).then(setExam, () => {});
  }, [http, examId]);
  const attempt = (act: () => Promise<void>) => {
    setProblem(null);
    act().catch((reason: unknown) => setProblem(reason instanceof Error ? reason.message : String(reason)));
  };
  const list = monitor.participants.filter((one) => {
    if (shown === 'completed') return one.status === 'COMPLETED';
    if (shown === 'everyone') return true;
    return one.status !== 'COMPLETED' && one.is_connected === (shown === 'connected');
  });
  const all = [
    { key: 'proctor.extend', act: () => monitor.extend(MINUTES) },
    { key: 'proctor.pause', act: () => monitor.pause() },
    { key: 'proctor.resume', act: () => monitor.resume() },
  ] as const;
  return (
    <main className={styles.page}>
      <div className={styles.work}>
        <Stack>
          <Title order={1} size="h3">
            {t('proctor.title', { title: exam?.title ?? '' })}
          </Title>
          <Group justify="space-between">
            <SegmentedControl
              aria-label={t('proctor.show')}
              value={shown}
              onChange={(value) => setShown(value as Shown)}
              data={SHOWN.map((value) => ({ value, label: t(`proctor.${value}`) }))}
            />
            <Group gap="xs" role="group" aria-label={t('proctor.forAll')}>
              <Text size="sm" c="dimmed">
                {t('proctor.forAll')}
              </Text>
              {all.map(({ key, act }) => (
                <Button key={key} size="compact-md" variant="default" onClick={() => setAsked(() => act)}>
                  {t(key)}
                </Button>
              ))}
            </Group>
          </Group>
          {problem && (
            <Text c="red" role="alert">
              {problem}
            </Text>
          )}
          {monitor.error && <ErrorState title={monitor.error.message} />}
          {!monitor.error && list.length === 0 && <EmptyState title={t('proctor.empty')} />}
          {list.length > 0 && (
            <Participants
              participants={list}
              total={exam?.total_questions ?? 0}
              serverNow={monitor.serverNow}
              onExtend={(userId) => attempt(() => monitor.extend(MINUTES, userId))}
              onPause={(userId) => attempt(() => monitor.pause(userId))}
              onResume={(userId) => attempt(() => monitor.resume(userId))}
            />
          )}
        </Stack>
      </div>
      <div className={styles.chat}>
        <Chat roomId={`exam:${examId}`} roomName={t('proctor.chat')} />
      </div>
      <Modal
        opened={asked !== null}
        onClose={() => setAsked(null)}
        title={t('proctor.forAll')}
        closeButtonProps={{ 'aria-label': t('app.close') }}
      >
        <Text mb="md">{t('proctor.confirm')}</Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={() => setAsked(null)}>
            {t('proctor.no')}
          </Button>
          <Button
            onClick={() => {
              if (asked) attempt(asked);
              setAsked(null);
            }}
          >
            {t('proctor.yes')}
          </Button>
        </Group>
      </Modal>
    </main>
  );
}
