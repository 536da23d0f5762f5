import { Alert, Button, Group, Progress, Stack, Text, Title } from '@mantine/core';
import type { CompletionReason, ExamResult } from '../../core/index.ts';
import { useTexts } from '../texts/index.ts';
import styles from './exam.module.css';

interface ResultViewProps {
  result: ExamResult;
  title: string;
  reason: CompletionReason | null;
  onLeave?: () => void;
}

/** What came of it. */
export function ResultView({ result, title, reason, onLeave }: ResultViewProps) {
  const { t, language } = useTexts();
  const percent = new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(result.percentage);
  return (
    <div className={styles.result} data-testid="exam-result">
      <Stack gap="lg">
        <div>
          <Text c="dimmed">{title}</Text>
          <Title order={1}>{t('exam.result')}</Title>
        </div>
        {reason === 'time-expired' && <Alert color="saffron">{t('exam.expired')}</Alert>}
        <Group align="baseline" gap="xl">
          <span className={styles.figure} data-testid="exam-percentage">
            {percent} %
          </span>
          <div>
            <Text data-testid="exam-score" data-score={result.score}>
              {t('exam.score', { score: result.score, max: result.max_score })}
            </Text>
            <Text c="dimmed">{t('exam.correct', { count: result.correct_count, total: result.total_questions })}</Text>
          </div>
        </Group>
        {result.breakdown.length > 0 && (
          <section aria-label={t('exam.breakdown')}>
            <Title order={2} size="h4" mb="sm">
              {t('exam.breakdown')}
            </Title>
            <Stack gap="sm">
              {result.breakdown.map((one) => (
                <div key={one.category}>
                  <Group justify="space-between" mb={4}>
                    <Text size="sm">{one.category}</Text>
                    <Text size="sm" c="dimmed" style={{ fontVariantNumeric: 'tabular-nums' }}>
                      {one.score} / {one.max_score}
                    </Text>
                  </Group>
                  <Progress
                    value={one.max_score > 0 ? (one.score / one.max_score) * 100 : 0}
                    aria-label={one.category}
                  />
                </div>
              ))}
            </Stack>
          </section>
        )}
        {onLeave && (
          <Button variant="default" onClick={onLeave} style={{ alignSelf: 'flex-start' }}>
            {t('exam.leave')}
          </Button>
        )}
      </Stack>
    </div>
  );
}
