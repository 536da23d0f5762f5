import { Badge, Button, Card, Group, NumberInput, Stack, Text, Textarea, TextInput, Title } from '@mantine/core';
import { useClient } from '@sinaesta/realtime/react';
import { type FormEvent, useState } from 'react';
import { type ExamSummary, useExams } from '../../exams.ts';
import { useDemoTexts } from '../../texts/index.ts';
import { Outcome } from './outcome.tsx';
import { Results } from './results.tsx';
import { useAttempt } from './use-attempt.ts';

/** Makes exams, gives them their questions, publishes and schedules them, and shows their results. */
export function ExamDesk() {
  const { exams, reload } = useExams();
  return (
    <Stack gap="xl">
      <NewExam onCreated={reload} />
      {exams?.map((exam) => (
        <Desk key={exam.id} exam={exam} onChanged={reload} />
      ))}
    </Stack>
  );
}

function NewExam({ onCreated }: { onCreated: () => void }) {
  const { t } = useDemoTexts();
  const { http } = useClient();
  const { attempt, isBusy, ...outcome } = useAttempt();
  const [exam, setExam] = useState({
    title: '',
    description: '',
    specialty: '',
    durationMinutes: 60,
    negativeMarkingPercent: 0,
  });
  const set = (to: Partial<typeof exam>) => setExam({ ...exam, ...to });
  const create = (event: FormEvent) => {
    event.preventDefault();
    const { description, ...rest } = exam;
    void attempt(async () => {
      const made = await http.request<ExamSummary>('POST', '/api/exams', {
        ...rest,
        ...(description === '' ? {} : { description }),
      });
      onCreated();
      return made.title;
    });
  };
  return (
    <Card>
      <Title order={2} size="h4" mb="md">
        {t('admin.newExam')}
      </Title>
      <form onSubmit={create}>
        <Stack>
          <Group grow align="flex-start">
            <TextInput
              required
              label={t('admin.examTitle')}
              value={exam.title}
              onChange={(event) => set({ title: event.currentTarget.value })}
            />
            <TextInput
              required
              label={t('admin.specialty')}
              value={exam.specialty}
              onChange={(event) => set({ specialty: event.currentTarget.value })}
            />
          </Group>
          <Textarea
            label={t('admin.description')}
            autosize
            value={exam.description}
            onChange={(event) => set({ description: event.currentTarget.value })}
          />
          <Group grow>
            <NumberInput
              label={t('admin.minutes')}
              min={1}
              max={600}
              value={exam.durationMinutes}
              onChange={(value) => set({ durationMinutes: Number(value) })}
            />
            <NumberInput
              label={t('admin.negative')}
              min={0}
              max={100}
              value={exam.negativeMarkingPercent}
              onChange={(value) => set({ negativeMarkingPercent: Number(value) })}
            />
          </Group>
          <Outcome {...outcome} />
          <Button type="submit" loading={isBusy} style={{ alignSelf: 'flex-start' }}>
            {t('admin.create')}
          </Button>
        </Stack>
      </form>
    </Card>
  );
}

function Desk({ exam, onChanged }: { exam: ExamSummary; onChanged: () => void }) {
  const { t } = useDemoTexts();
  const { http } = useClient();
  const { attempt, isBusy, ...outcome } = useAttempt();
  const [csv, setCsv] = useState('');
  const [start, setStart] = useState('');
  const [hasResults, setResults] = useState(false);
  const isDraft = exam.status === 'DRAFT';
  const act = (
    method: string,
    path: string,
    body: unknown,
    say: (changed: ExamSummary) => string,
    contentType?: string,
  ) =>
    void attempt(async () => {
      const changed = await http.request<ExamSummary>(method, `/api/exams/${exam.id}/${path}`, body, contentType);
      onChanged();
      return say(changed);
    });
  return (
    <Card component="article" aria-label={exam.title}>
      <Stack>
        <Group justify="space-between">
          <Title order={2} size="h4">
            {exam.title}
          </Title>
          <Badge color={isDraft ? 'saffron' : 'teal'}>{t(isDraft ? 'exams.draft' : 'admin.published')}</Badge>
        </Group>
        <Text size="sm" c="dimmed">
          {exam.specialty} · {t('exams.facts', { count: exam.total_questions, minutes: exam.duration_minutes })}
        </Text>
        {isDraft && (
          <>
            <Textarea
              label={t('admin.questions')}
              description={t('admin.questionsHint')}
              autosize
              minRows={3}
              maxRows={10}
              value={csv}
              onChange={(event) => setCsv(event.currentTarget.value)}
            />
            <input
              type="file"
              accept=".csv,text/csv"
              aria-label={t('admin.chooseFile')}
              onChange={(event) => void event.currentTarget.files?.[0]?.text().then(setCsv)}
            />
          </>
        )}
        <Outcome {...outcome} />
        <Group>
          {isDraft && (
            <>
              <Button
                size="compact-md"
                variant="light"
                loading={isBusy}
                disabled={csv.trim() === ''}
                onClick={() =>
                  act(
                    'PUT',
                    'questions',
                    csv,
                    (changed) => t('admin.imported', { count: changed.total_questions }),
                    'text/csv',
                  )
                }
              >
                {t('admin.import')}
              </Button>
              <Button
                size="compact-md"
                loading={isBusy}
                onClick={() => act('POST', 'publish', undefined, () => t('admin.published'))}
              >
                {t('admin.publish')}
              </Button>
            </>
          )}
          <TextInput
            type="datetime-local"
            size="xs"
            aria-label={t('admin.schedule')}
            value={start}
            onChange={(event) => setStart(event.currentTarget.value)}
          />
          <Button
            size="compact-md"
            variant="default"
            disabled={start === ''}
            onClick={() =>
              act('PUT', 'schedule', { scheduledStart: new Date(start).toISOString() }, () => t('admin.scheduleSet'))
            }
          >
            {t('admin.schedule')}
          </Button>
          {!isDraft && (
            <Button
              size="compact-md"
              variant="subtle"
              aria-expanded={hasResults}
              onClick={() => setResults(!hasResults)}
            >
              {t('admin.results')}
            </Button>
          )}
        </Group>
        {hasResults && <Results examId={exam.id} />}
      </Stack>
    </Card>
  );
}
