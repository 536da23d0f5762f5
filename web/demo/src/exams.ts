import { useClient } from '@sinaesta/realtime/react';
import { useCallback, useEffect, useState } from 'react';

/** An exam as `GET /api/exams` lists it. */
export interface ExamSummary {
  id: string;
  title: string;
  description: string | null;
  specialty: string;
  duration_minutes: number;
  total_questions: number;
  status: string;
  scheduled_start: string | null;
  scheduled_end: string | null;
}

/** The latest exams, newest first; `null` until they are there. */
export function useExams() {
  const { http } = useClient();
  const [exams, setExams] = useState<ExamSummary[] | null>(null);
  const [error, setError] = useState<string | null>(null);
  const reload = useCallback(() => {
    setError(null);
    http.request<{ exams: ExamSummary[] }>('GET', '/api/exams').then(
      (list) =>
        setExams(
          list.exams.map((one) => ({
            ...one,
            scheduled_start: one.scheduled_start ?? null,
            scheduled_end: one.scheduled_end ?? null,
          })),
        ),
      (reason: unknown) => setError(reason instanceof Error ? reason.message : String(reason)),
    );
  }, [http]);
  useEffect(reload, [reload]);
  return { exams, error, reload };
}
