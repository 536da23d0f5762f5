import { Button, Group, Text, TextInput } from '@mantine/core';
import {
  IconAlertTriangle,
  IconCheck,
  IconCloudUpload,
  IconDeviceFloppy,
  IconFlag,
  IconFlagFilled,
} from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import type { Answer, AnswerState, AnswerStatus, Question } from '../../core/index.ts';
import { useTexts } from '../texts/index.ts';
import styles from './exam.module.css';

interface QuestionViewProps {
  question: Question;
  total: number;
  answer: Answer | null;
  status: AnswerStatus | undefined;
  isFlagged: boolean;
  isDisabled: boolean;
  onAnswer: (answer: Answer | null) => void;
  onFlag: () => void;
  onMove: (by: number) => void;
}

/** One question, its answer, and whether that is safe. */
export function QuestionView(props: QuestionViewProps) {
  const { question, total, answer, status, isFlagged, onAnswer, onFlag, onMove } = props;
  const { t } = useTexts();
  const heading = useRef<HTMLParagraphElement>(null);
  const { index } = question;
  // Who moves on by the keyboard goes on reading there.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another question is the reason
  useEffect(() => heading.current?.focus({ preventScroll: true }), [index]);
  return (
    <div data-testid="exam-question" data-index={index}>
      <Group justify="space-between">
        <Text size="sm" c="dimmed" ref={heading} tabIndex={-1} style={{ outline: 'none' }}>
          {t('exam.question', { number: index + 1, total })}
          {question.category ? ` · ${question.category}` : ''}
        </Text>
        <Button
          size="compact-sm"
          variant={isFlagged ? 'light' : 'subtle'}
          color="saffron"
          aria-pressed={isFlagged}
          leftSection={isFlagged ? <IconFlagFilled size={14} /> : <IconFlag size={14} />}
          onClick={onFlag}
          c="var(--rt-urgent-text)"
        >
          {t(isFlagged ? 'exam.flagged' : 'exam.flag')}
        </Button>
      </Group>
      <div className={styles.text}>{question.text}</div>
      {question.kind === 'numeric' ? <NumberField {...props} /> : <Options {...props} />}
      <Group justify="space-between" mt="lg">
        <State status={status} />
        {answer !== null && (
          <Button size="compact-sm" variant="subtle" color="gray" onClick={() => onAnswer(null)}>
            {t('exam.clear')}
          </Button>
        )}
      </Group>
      <Group justify="space-between" mt="xl">
        <Button variant="default" disabled={index === 0} onClick={() => onMove(-1)}>
          {t('exam.previous')}
        </Button>
        <Button variant="light" disabled={index === total - 1} onClick={() => onMove(1)}>
          {t('exam.next')}
        </Button>
      </Group>
      <Text size="xs" c="dimmed" mt="lg" visibleFrom="md">
        {t('exam.keys')}
      </Text>
    </div>
  );
}

function Options({ question, answer, isDisabled, onAnswer }: QuestionViewProps) {
  const { t } = useTexts();
  const isSeveral = question.kind === 'several-correct';
  const chosen = Array.isArray(answer) ? answer : answer === null ? [] : [answer];
  const choose = (index: number) => {
    if (!isSeveral) return onAnswer(index);
    const next = chosen.includes(index) ? chosen.filter((one) => one !== index) : [...chosen, index];
    onAnswer(next.length === 0 ? null : next.sort((a, b) => a - b));
  };
  return (
    <fieldset style={{ border: 0, padding: 0, margin: 0 }} disabled={isDisabled}>
      <legend className="rt-hidden">{question.text}</legend>
      {isSeveral && (
        <Text size="sm" c="dimmed" mb="xs">
          {t('exam.several')}
        </Text>
      )}
      {question.options.map((text, index) => (
        <label key={text} className={styles.option}>
          <input
            type={isSeveral ? 'checkbox' : 'radio'}
            name={`question-${question.index}`}
            checked={chosen.includes(index)}
            onChange={() => choose(index)}
            data-testid={`exam-option-${index}`}
          />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}

function NumberField({ question, answer, isDisabled, onAnswer }: QuestionViewProps) {
  const { t } = useTexts();
  const [text, setText] = useState(answer === null ? '' : String(answer));
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is written stays until there is another question
  useEffect(() => setText(answer === null ? '' : String(answer)), [question.index]);
  const give = () => {
    const value = text.trim().replace(',', '.');
    if (value === '') return answer === null ? undefined : onAnswer(null);
    const number = Number(value);
    if (Number.isFinite(number) && number !== answer) onAnswer(number);
  };
  const isWrong = text.trim() !== '' && !Number.isFinite(Number(text.trim().replace(',', '.')));
  return (
    <TextInput
      label={t('exam.number')}
      inputMode="decimal"
      size="md"
      maw={240}
      disabled={isDisabled}
      value={text}
      error={isWrong}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={give}
      onKeyDown={(event) => event.key === 'Enter' && give()}
      data-testid="exam-number"
    />
  );
}

const ICONS: Record<AnswerState, typeof IconCheck> = {
  saved: IconCheck,
  saving: IconCloudUpload,
  waiting: IconDeviceFloppy,
  refused: IconAlertTriangle,
};

function State({ status }: { status: AnswerStatus | undefined }) {
  const { t } = useTexts();
  const Icon = status ? ICONS[status.state] : null;
  const text = status ? t(`exam.${status.state}`, { reason: status.error?.message ?? '' }) : t('exam.none');
  return (
    <span className={styles.state} role="status" data-testid="exam-answer-state" data-state={status?.state ?? 'none'}>
      {Icon && <Icon size={16} aria-hidden />}
      {text}
    </span>
  );
}
