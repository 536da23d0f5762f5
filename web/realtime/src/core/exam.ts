import type { Answer, CompletionReason, Exam, ExamResult, ExamSession } from '../contract.ts';
import type { Connection } from './connection.ts';
import type { Environment } from './environment.ts';
import { asRealtimeError, isTransient, type RealtimeError } from './errors.ts';
import type { Journal, JournalAnswer } from './journal.ts';
import type { ServerClock } from './server-clock.ts';
import { createStore, type Store } from './store.ts';

const AGAIN_MS = 2_000;
/** Progress is told at most so often, in milliseconds; the latest counts. */
const PROGRESS_MS = 5_000;

/** Whether an answer is safe: `saved` means that the server has it on disk, `waiting` that this device has it. */
export type AnswerState = 'saved' | 'saving' | 'waiting' | 'refused';

export interface AnswerStatus {
  state: AnswerState;
  /** When the student gave it, RFC 3339. */
  givenAt: string;
  /** When the broker took it, RFC 3339. */
  savedAt: string | null;
  error: RealtimeError | null;
}

export interface ExamSnapshot {
  exam: Exam | null;
  session: ExamSession | null;
  participants: readonly { userId: string; userName: string }[];
  participantCount: number;
  isJoined: boolean;
  error: RealtimeError | null;
  /** As the student gave them, saved or not. */
  answers: readonly (Answer | null)[];
  status: ReadonlyMap<number, AnswerStatus>;
  /** RFC 3339, by the server's clock. */
  lastSaved: string | null;
  isPaused: boolean;
  isCompleting: boolean;
  result: ExamResult | null;
  reason: CompletionReason | null;
}

/** An exam that the student sits. */
export interface ExamSitting {
  snapshot: Store<ExamSnapshot>;
  /** Seconds left by the server's clock, not below 0; `null` before the session is known. */
  timeRemaining(): number | null;
  saveAnswer(questionIndex: number, answer: Answer | null): void;
  updateProgress(currentQuestion: number, answers?: readonly (Answer | null)[]): void;
  complete(): Promise<ExamResult>;
  close(): void;
}

interface Parts {
  connection: Connection;
  environment: Environment;
  clock: ServerClock;
  journal: Journal;
  me: () => string | null;
}

/**
 * Every answer goes onto this device first and from there to the server, again and again until it is acknowledged or
 * refused; the latest answer to a question is the one that is sent. What was given without a connection, or before the tab
 * was closed, is sent when the exam is joined again.
 */
export function createExam(examId: string, { connection, environment, clock, journal, me }: Parts): ExamSitting {
  const snapshot = createStore<ExamSnapshot>({
    exam: null,
    session: null,
    participants: [],
    participantCount: 0,
    isJoined: false,
    error: null,
    answers: [],
    status: new Map(),
    lastSaved: null,
    isPaused: false,
    isCompleting: false,
    result: null,
    reason: null,
  });
  const patch = (to: Partial<ExamSnapshot>) => snapshot.update((now) => ({ ...now, ...to }));
  const unsent = new Map<number, JournalAnswer>();
  const inFlight = new Set<number>();
  let isJoining = false;
  let isClosed = false;
  let cancelJoin = () => {};
  let cancelProgress = () => {};
  let progressAt = Number.NEGATIVE_INFINITY;
  /** Resolves once nothing is on its way. */
  let idle: (() => void)[] = [];

  const setStatus = (index: number, to: AnswerStatus) =>
    patch({ status: new Map(snapshot.get().status).set(index, to) });
  const setAnswer = (index: number, answer: Answer | null) => {
    const answers = [...snapshot.get().answers];
    while (answers.length <= index) answers.push(null);
    answers[index] = answer;
    patch({ answers });
  };
  const patchSession = (to: Partial<ExamSession>) => {
    const { session } = snapshot.get();
    if (session) patch({ session: { ...session, ...to } });
  };

  async function send(index: number): Promise<void> {
    const next = unsent.get(index);
    if (!next || inFlight.has(index) || isClosed) return;
    const { givenAt } = next;
    if (!snapshot.get().isJoined) {
      setStatus(index, { state: 'waiting', givenAt, savedAt: null, error: null });
      return;
    }
    inFlight.add(index);
    setStatus(index, { state: 'saving', givenAt, savedAt: null, error: null });
    try {
      const { timestamp } = await connection.emit('exam-answer', { examId, questionIndex: index, answer: next.answer });
      done(next);
      if (unsent.get(index) === undefined)
        setStatus(index, { state: 'saved', givenAt, savedAt: timestamp, error: null });
      patch({ lastSaved: timestamp });
    } catch (reason) {
      const error = asRealtimeError(reason);
      if (isTransient(error)) {
        setStatus(index, { state: 'waiting', givenAt, savedAt: null, error });
        await new Promise<void>((resolve) => environment.setTimeout(resolve, error.retryAfterMs ?? AGAIN_MS));
      } else {
        done(next);
        setStatus(index, { state: 'refused', givenAt, savedAt: null, error });
      }
    }
    inFlight.delete(index);
    if (inFlight.size === 0 && unsent.size === 0) {
      for (const resolve of idle.splice(0)) resolve();
    }
    return send(index);
  }
  /** The server has decided about an answer; a newer one to the same question stays. */
  function done(answer: JournalAnswer) {
    if (unsent.get(answer.questionIndex) === answer) unsent.delete(answer.questionIndex);
    void journal.removeAnswer(answer);
  }

  /** As the latest event had it, which an acknowledgement may refer to. */
  let paper: Exam | null = null;

  async function join(): Promise<void> {
    if (isJoining || isClosed || connection.snapshot.get().state !== 'connected') return;
    isJoining = true;
    cancelJoin();
    const sentAt = environment.monotonic();
    try {
      const user = me();
      const left = user ? await journal.answers(user, examId) : [];
      const joined = await connection.emit('join-exam', { examId });
      clock.sample(joined.serverTime, sentAt);
      for (const one of left) if (!unsent.has(one.questionIndex)) unsent.set(one.questionIndex, one);
      const isOver = joined.session.status === 'COMPLETED';
      const answers: (Answer | null)[] = [...joined.session.answers];
      const status = new Map(snapshot.get().status);
      answers.forEach((answer, index) => {
        if (answer === null || status.has(index)) return;
        const at = joined.session.last_activity;
        status.set(index, { state: 'saved', givenAt: at, savedAt: at, error: null });
      });
      for (const { questionIndex, answer } of unsent.values()) {
        while (answers.length <= questionIndex) answers.push(null);
        if (!isOver) answers[questionIndex] = answer;
      }
      patch({
        exam: joined.questionsUnchanged && paper ? { ...joined.exam, questions: paper.questions } : joined.exam,
        session: joined.session,
        participantCount: joined.participantCount,
        isJoined: true,
        error: null,
        answers,
        status,
        isPaused: joined.session.status === 'PAUSED',
        result: joined.result ?? snapshot.get().result,
      });
      for (const index of unsent.keys()) void send(index);
    } catch (reason) {
      const error = asRealtimeError(reason);
      patch({ error });
      if (isTransient(error)) cancelJoin = environment.setTimeout(() => void join(), error.retryAfterMs ?? AGAIN_MS);
    }
    isJoining = false;
  }

  const mine =
    <T extends { examId: string }>(act: (event: T) => void) =>
    (event: T) => {
      if (event.examId === examId) act(event);
    };
  const others = (userId: string) => snapshot.get().participants.filter((one) => one.userId !== userId);
  const stop = [
    connection.onConnected(() => void join()),
    connection.snapshot.subscribe(() => {
      if (connection.snapshot.get().state !== 'connected' && snapshot.get().isJoined) patch({ isJoined: false });
    }),
    connection.on(
      'exam-joined',
      mine(({ exam }) => {
        paper = exam;
      }),
    ),
    connection.on(
      'exam-started',
      mine(({ exam, endsAt }) => {
        patch({ exam });
        patchSession({ ends_at: endsAt, status: 'IN_PROGRESS' });
      }),
    ),
    connection.on(
      'exam-completed',
      mine(({ result, reason }) => {
        patch({ result, reason, isCompleting: false, isPaused: false, answers: result.answers });
        patchSession({ status: 'COMPLETED', completed_at: result.completed_at });
        for (const one of unsent.values()) done(one);
        for (const resolve of idle.splice(0)) resolve();
      }),
    ),
    connection.on(
      'exam-time-extended',
      mine(({ endsAt }) => patchSession({ ends_at: endsAt })),
    ),
    connection.on(
      'exam-paused',
      mine(({ timeRemaining }) => {
        patch({ isPaused: true });
        patchSession({ status: 'PAUSED', time_remaining: timeRemaining });
      }),
    ),
    connection.on(
      'exam-resumed',
      mine(({ endsAt }) => {
        patch({ isPaused: false });
        patchSession({ status: 'IN_PROGRESS', ends_at: endsAt });
      }),
    ),
    connection.on(
      'participant-joined-exam',
      mine(({ userId, userName, participantCount }) =>
        patch({ participantCount, participants: [...others(userId), { userId, userName }] }),
      ),
    ),
    connection.on(
      'participant-left-exam',
      mine(({ userId, participantCount }) => patch({ participantCount, participants: others(userId) })),
    ),
    connection.on(
      'participant-completed-exam',
      mine(({ userId, participantCount }) => patch({ participantCount, participants: others(userId) })),
    ),
  ];

  return {
    snapshot,
    timeRemaining() {
      const { session } = snapshot.get();
      if (!session) return null;
      if (session.status === 'PAUSED') return session.time_remaining;
      if (session.status === 'COMPLETED') return 0;
      return Math.max(0, Math.ceil((Date.parse(session.ends_at) - clock.now()) / 1000));
    },
    saveAnswer(questionIndex, answer) {
      const userId = me() ?? '';
      const givenAt = new Date(clock.now()).toISOString();
      const one: JournalAnswer = { userId, examId, questionIndex, answer, givenAt };
      unsent.set(questionIndex, one);
      setAnswer(questionIndex, answer);
      setStatus(questionIndex, { state: 'waiting', givenAt, savedAt: null, error: null });
      void journal.putAnswer(one).finally(() => send(questionIndex));
    },
    updateProgress(currentQuestion, answers) {
      cancelProgress();
      const tell = () => {
        progressAt = environment.monotonic();
        const payload = { examId, currentQuestion, ...(answers === undefined ? {} : { answers: [...answers] }) };
        connection.emit('exam-progress', payload).then(
          ({ timestamp }) => patch({ lastSaved: timestamp }),
          () => {},
        );
      };
      const wait = progressAt + PROGRESS_MS - environment.monotonic();
      if (wait <= 0) tell();
      else cancelProgress = environment.setTimeout(tell, wait);
    },
    async complete() {
      patch({ isCompleting: true });
      try {
        // An answer that is on its way counts.
        if (unsent.size > 0) await new Promise<void>((resolve) => idle.push(resolve));
        const { result, reason } = await connection.emit('exam-complete', { examId });
        patch({ result, reason });
        patchSession({ status: 'COMPLETED', completed_at: result.completed_at });
        return result;
      } finally {
        patch({ isCompleting: false });
      }
    },
    close() {
      isClosed = true;
      cancelJoin();
      cancelProgress();
      idle = [];
      for (const end of stop) end();
      if (snapshot.get().isJoined) connection.emit('leave-exam', { examId }).catch(() => {});
    },
  };
}
