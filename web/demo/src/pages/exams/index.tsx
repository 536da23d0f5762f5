import { Badge, Button, Card, Group, SimpleGrid, Skeleton, Stack, Text, Title } from '@mantine/core';
import { EmptyState, ErrorState, ExamRoom } from '@sinaesta/realtime/components';
import { useUser } from '@sinaesta/realtime/react';
import { IconClipboardText } from '@tabler/icons-react';
import { Link, useNavigate, useParams } from 'react-router';
import { type ExamSummary, useExams } from '../../exams.ts';
import { useDemoTexts } from '../../texts/index.ts';

/** All exams, or the one that is sat. */
export default function ExamsPage() {
  const { examId } = useParams();
  const navigate = useNavigate();
  if (examId === undefined) return <Exams />;
  return (
    <main style={{ height: '100%' }}>
      <ExamRoom examId={examId} onLeave={() => void navigate('/exams')} />
    </main>
  );
}

function Exams() {
  const { t } = useDemoTexts();
  const { exams, error, reload } = useExams();
  return (
    <main className="page">
      <Title order={1} size="h2" mb="lg">
        {t('exams.title')}
      </Title>
      {error && <ErrorState title={error} onRetry={reload} />}
      {!error && exams === null && <Skeleton h={200} />}
      {exams?.length === 0 && (
        <EmptyState icon={<IconClipboardText size={40} stroke={1.4} />} title={t('exams.empty')} />
      )}
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
        {exams?.map((exam) => (
          <ExamCard key={exam.id} exam={exam} />
        ))}
      </SimpleGrid>
    </main>
  );
}

function ExamCard({ exam }: { exam: ExamSummary }) {
  const { t, language } = useDemoTexts();
  const user = useUser();
  const isStaff = user !== null && user.role !== 'STUDENT';
  const start = exam.scheduled_start === null ? null : new Date(exam.scheduled_start);
  const isOver = exam.scheduled_end !== null && Date.parse(exam.scheduled_end) < Date.now();
  const when = start?.toLocaleString(language, { dateStyle: 'medium', timeStyle: 'short' });
  return (
    <Card component="article" aria-label={exam.title}>
      <Stack gap="sm" h="100%">
        <Group gap="xs">
          <Badge>{exam.specialty}</Badge>
          {isOver && <Badge color="gray">{t('exams.over')}</Badge>}
          {exam.status === 'DRAFT' && <Badge color="saffron">{t('exams.draft')}</Badge>}
        </Group>
        <Title order={2} size="h4">
          {exam.title}
        </Title>
        <Text size="sm" c="dimmed" flex={1} lineClamp={3}>
          {exam.description}
        </Text>
        <Text size="sm">
          {t('exams.facts', { count: exam.total_questions, minutes: exam.duration_minutes })}
          {when && ` · ${when}`}
        </Text>
        {isStaff ? (
          <Button component={Link} to={`/proctor/${exam.id}`} variant="light">
            {t('exams.watch')}
          </Button>
        ) : (
          <Button
            component={Link}
            to={`/exams/${exam.id}`}
            variant={isOver ? 'default' : 'filled'}
            data-testid="exam-open"
          >
            {t(isOver ? 'exams.look' : 'exams.enter')}
          </Button>
        )}
      </Stack>
    </Card>
  );
}
