import { Text } from '@mantine/core';
import type { Answer, AnswerStatus } from '../../core/index.ts';
import { useTexts } from '../texts/index.ts';
import styles from './exam.module.css';

interface NavigatorProps {
  count: number;
  current: number;
  answers: readonly (Answer | null)[];
  status: ReadonlyMap<number, AnswerStatus>;
  flagged: ReadonlySet<number>;
  onChoose: (index: number) => void;
}

/** All questions at a glance: answered, flagged, and not yet with the server. */
export function Navigator({ count, current, answers, status, flagged, onChoose }: NavigatorProps) {
  const { t } = useTexts();
  const label = (index: number) => {
    const parts = [t('exam.question', { number: index + 1, total: count })];
    parts.push(t((answers[index] ?? null) === null ? 'exam.unanswered' : 'exam.answered'));
    if (flagged.has(index)) parts.push(t('exam.flagged'));
    return parts.join(', ');
  };
  return (
    <nav aria-label={t('exam.overview')}>
      <Text size="sm" fw={600} mb="xs">
        {t('exam.overview')}
      </Text>
      <div className={styles.grid}>
        {Array.from({ length: count }, (_, index) => index).map((index) => {
          const state = status.get(index)?.state;
          return (
            <button
              key={index}
              type="button"
              className={styles.cell}
              aria-label={label(index)}
              aria-current={index === current}
              data-answered={(answers[index] ?? null) !== null}
              data-unsaved={state === 'waiting' || state === 'saving'}
              data-flagged={flagged.has(index)}
              onClick={() => onChoose(index)}
            >
              {index + 1}
            </button>
          );
        })}
      </div>
    </nav>
  );
}
