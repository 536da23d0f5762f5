import { Alert, Button, Loader, Overlay, Text } from '@mantine/core';
import { IconCloudOff, IconUsers } from '@tabler/icons-react';
import { useCallback, useEffect, useState } from 'react';
import type { Exam } from '../../core/index.ts';
import { type UseRealtimeExam, useRealtimeExam } from '../../react/index.ts';
import { ErrorState } from '../pieces.tsx';
import { useTexts } from '../texts/index.ts';
import styles from './exam.module.css';
import { HandIn } from './hand-in.tsx';
import { Navigator } from './navigator.tsx';
import { QuestionView } from './question-view.tsx';
import { ResultView } from './result-view.tsx';
import { Timer } from './timer.tsx';

export interface ExamRoomProps {
  examId: string;
  /** Shows a way back once the exam is over. */
  onLeave?: () => void;
}

/** An exam from its waiting room to its result. Every answer shows whether the server has it. */
export function ExamRoom({ examId, onLeave }: ExamRoomProps) {
  const { t } = useTexts();
  const sitting = useRealtimeExam(examId);
  const { session, exam, result, error } = sitting;
  if (result !== null && session?.status === 'COMPLETED') {
    return (
      <ResultView result={result} title={exam?.title ?? ''} reason={sitting.reason} {...(onLeave ? { onLeave } : {})} />
    );
  }
  if (session === null || exam === null) {
    if (error !== null) return <ErrorState title={t('exam.failed')} hint={error.message} />;
    return (
      <div className={styles.middle}>
        <Loader />
      </div>
    );
  }
  if (exam.questions.length === 0) return <WaitingRoom exam={exam} sitting={sitting} />;
  return <Sitting key={examId} exam={exam} sitting={sitting} />;
}

function WaitingRoom({ exam, sitting }: { exam: Exam; sitting: UseRealtimeExam }) {
  const { t, language } = useTexts();
  const start = exam.scheduled_start === null ? null : new Date(exam.scheduled_start);
  return (
    <div className={styles.middle}>
      <Text c="dimmed">{exam.title}</Text>
      <h1>{t('exam.waitingRoom')}</h1>
      <div className={styles.figure}>{start?.toLocaleTimeString(language, { hour: '2-digit', minute: '2-digit' })}</div>
      <Text maw={420}>{t('exam.waitingHint')}</Text>
      <Text c="dimmed">{t('exam.participants', { count: sitting.participantCount })}</Text>
    </div>
  );
}

function Sitting({ exam, sitting }: { exam: Exam; sitting: UseRealtimeExam }) {
  const { t } = useTexts();
  const { session, answers, answerStatus, updateProgress, saveAnswer } = sitting;
  const [current, setCurrent] = useState(() => Math.min(session?.current_question ?? 0, exam.questions.length - 1));
  const [flagged, setFlagged] = useState<ReadonlySet<number>>(() => new Set());
  const [isHandingIn, setHandingIn] = useState(false);
  const question = exam.questions[current];

  const go = useCallback(
    (index: number) => {
      const next = Math.max(0, Math.min(exam.questions.length - 1, index));
      setCurrent(next);
      updateProgress(next);
    },
    [exam.questions.length, updateProgress],
  );
  const flag = useCallback(() => {
    setFlagged((known) => {
      const next = new Set(known);
      if (!next.delete(current)) next.add(current);
      return next;
    });
  }, [current]);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const { target, key } = event;
      const isWriting =
        target instanceof HTMLElement &&
        (target.matches('textarea, [type=text], [inputmode]') || target.isContentEditable);
      if (isWriting || event.metaKey || event.ctrlKey || event.altKey || isHandingIn) return;
      if (key === 'j' || key === 'J') go(current + 1);
      else if (key === 'k' || key === 'K') go(current - 1);
      else if (key === 'f' || key === 'F') flag();
      else if (/^[1-9]$/.test(key))
        document.querySelector<HTMLElement>(`[data-testid=exam-option-${Number(key) - 1}]`)?.click();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [current, go, flag, isHandingIn]);

  if (!question) return null;
  return (
    <section className={styles.room} aria-label={exam.title} data-testid="exam" data-joined={sitting.isJoined}>
      <div className={styles.bar}>
        <Text fw={650} flex={1} lineClamp={1}>
          {exam.title}
        </Text>
        <Text size="sm" c="dimmed" visibleFrom="sm">
          <IconUsers size={14} aria-hidden /> {t('exam.participants', { count: sitting.participantCount })}
        </Text>
        <Timer seconds={sitting.timeRemaining} />
        <Button onClick={() => setHandingIn(true)} data-testid="exam-hand-in">
          {t('exam.handIn')}
        </Button>
      </div>
      <div className={styles.body} style={{ position: 'relative' }}>
        {sitting.isPaused && (
          <Overlay blur={6} backgroundOpacity={0.55} center role="alert">
            <div className={styles.middle} style={{ color: 'white' }}>
              <Text fw={650} size="xl">
                {t('exam.paused')}
              </Text>
              <Text>{t('exam.pausedHint')}</Text>
            </div>
          </Overlay>
        )}
        <div className={styles.question}>
          {!sitting.isJoined && (
            <Alert color="saffron" icon={<IconCloudOff size={18} />} mb="md" role="status">
              {t('exam.offline')}
            </Alert>
          )}
          <QuestionView
            question={question}
            total={exam.questions.length}
            answer={answers[current] ?? null}
            status={answerStatus.get(current)}
            isFlagged={flagged.has(current)}
            isDisabled={sitting.isPaused}
            onAnswer={(answer) => saveAnswer(current, answer)}
            onFlag={flag}
            onMove={(by) => go(current + by)}
          />
        </div>
        <Navigator
          count={exam.questions.length}
          current={current}
          answers={answers}
          status={answerStatus}
          flagged={flagged}
          onChoose={go}
        />
      </div>
      <HandIn
        opened={isHandingIn}
        onClose={() => setHandingIn(false)}
        onChoose={(index) => {
          setHandingIn(false);
          go(index);
        }}
        missing={exam.questions.filter(({ index }) => (answers[index] ?? null) === null).map(({ index }) => index)}
        flagged={[...flagged].sort((a, b) => a - b)}
        isBusy={sitting.isCompleting}
        onConfirm={sitting.completeExam}
      />
    </section>
  );
}
