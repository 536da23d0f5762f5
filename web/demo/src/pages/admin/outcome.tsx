import { Alert, List } from '@mantine/core';
import { useDemoTexts } from '../../texts/index.ts';
import type { Attempt } from './use-attempt.ts';

/** What came of an attempt, with every fault of a file. */
export function Outcome({ done, problem }: Pick<Attempt, 'done' | 'problem'>) {
  const { t } = useDemoTexts();
  if (problem) {
    return (
      <Alert color="red" title={problem.message} role="alert">
        {problem.faults && (
          <List size="sm">
            {problem.faults.map(({ line, reason }) => (
              <List.Item key={`${line} ${reason}`}>{t('admin.line', { line, reason })}</List.Item>
            ))}
          </List>
        )}
      </Alert>
    );
  }
  return done === null ? null : (
    <Alert color="teal" role="status">
      {done}
    </Alert>
  );
}
