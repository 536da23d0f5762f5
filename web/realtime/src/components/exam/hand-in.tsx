import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import type { ExamResult } from '../../core/index.ts';
import { useTexts } from '../texts/index.ts';
import styles from './exam.module.css';

interface HandInProps {
  opened: boolean;
  onClose: () => void;
  onChoose: (index: number) => void;
  missing: readonly number[];
  flagged: readonly number[];
  isBusy: boolean;
  onConfirm: () => Promise<ExamResult>;
}

/** Asks once more, and says what is open still. */
export function HandIn({ opened, onClose, onChoose, missing, flagged, isBusy, onConfirm }: HandInProps) {
  const { t } = useTexts();
  const [problem, setProblem] = useState<string | null>(null);
  const confirm = () => {
    setProblem(null);
    onConfirm().catch((reason: unknown) => setProblem(reason instanceof Error ? reason.message : String(reason)));
  };
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t('exam.handInTitle')}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      <Stack>
        {missing.length === 0 && <Text>{t('exam.handInAll')}</Text>}
        {missing.length > 0 && (
          <Numbers title={t('exam.handInMissing', { count: missing.length })} indexes={missing} onChoose={onChoose} />
        )}
        {flagged.length > 0 && (
          <Numbers title={t('exam.handInFlagged', { count: flagged.length })} indexes={flagged} onChoose={onChoose} />
        )}
        <Text size="sm" c="dimmed">
          {t('exam.handInFinal')}
        </Text>
        {problem && (
          <Text c="red" size="sm" role="alert">
            {problem}
          </Text>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t('exam.back')}
          </Button>
          <Button onClick={confirm} loading={isBusy} data-testid="exam-confirm">
            {t('exam.handIn')}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function Numbers({
  title,
  indexes,
  onChoose,
}: {
  title: string;
  indexes: readonly number[];
  onChoose: (index: number) => void;
}) {
  return (
    <div>
      <Text size="sm" mb={6}>
        {title}
      </Text>
      <div className={styles.grid}>
        {indexes.map((index) => (
          <button key={index} type="button" className={styles.cell} onClick={() => onChoose(index)}>
            {index + 1}
          </button>
        ))}
      </div>
    </div>
  );
}
