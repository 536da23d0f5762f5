import { useEffect, useState } from 'react';
import { useTexts } from '../texts/index.ts';
import styles from './exam.module.css';

/** At which moments the time is said aloud, in seconds left. */
const SAID: readonly number[] = [600, 300, 60];

/** What is left by the server's clock. It grows warmer at five minutes and at one; screen readers hear it at three moments. */
export function Timer({ seconds }: { seconds: number | null }) {
  const { t } = useTexts();
  const [said, setSaid] = useState('');
  useEffect(() => {
    if (seconds !== null && SAID.includes(seconds)) setSaid(t('exam.minutesLeft', { count: seconds / 60 }));
  }, [seconds, t]);
  if (seconds === null) return null;
  const urgency = seconds <= 60 ? 'now' : seconds <= 300 ? 'soon' : 'none';
  const two = (value: number) => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const shown = `${hours > 0 ? `${hours}:` : ''}${two(minutes)}:${two(seconds % 60)}`;
  return (
    <>
      <div
        className={styles.timer}
        role="timer"
        aria-label={t('exam.timeLeft')}
        data-testid="exam-timer"
        data-seconds={seconds}
        data-urgency={urgency}
      >
        {shown}
      </div>
      <span className="rt-hidden" aria-live="polite">
        {said}
      </span>
    </>
  );
}
