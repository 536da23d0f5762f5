import 'fake-indexeddb/auto';
import { describe, expect, it } from 'vitest';
import type { ExamSession } from '../src/contract.ts';
import { browserJournal, type Journal } from '../src/core/index.ts';
import { createWorld, ME, settle, type World } from './world.ts';

const EXAM = '0198c000-0000-7000-8000-0000000000e1';
const names = [...'abcdefghij'];

/** An exam on a server that ends an hour after ten o'clock. */
function serve(world: World, given = new Map<number, unknown>(), more: Partial<ExamSession> = {}, joined = {}) {
  const session = (): ExamSession => ({
    id: 's',
    exam_id: EXAM,
    user_id: ME,
    room_id: `exam:${EXAM}`,
    current_question: 0,
    answers: [0, 1, 2].map((index) => (given.get(index) ?? null) as number | null),
    time_remaining: 3_600,
    status: 'IN_PROGRESS',
    last_activity: '2026-11-23T10:00:00.000Z',
    started_at: '2026-11-23T10:00:00.000Z',
    completed_at: null,
    ends_at: '2026-11-23T11:00:00.000Z',
    ...more,
  });
  world.answer('join-exam', () => ({
    examId: EXAM,
    exam: { id: EXAM, questions: [] },
    session: session(),
    participantCount: 1,
    serverTime: '2026-11-23T10:00:00.000Z',
    ...joined,
  }));
  world.answer('exam-answer', ({ questionIndex, answer }: { questionIndex: number; answer: unknown }) => {
    given.set(questionIndex, answer);
    return { examId: EXAM, questionIndex, answer, timestamp: '2026-11-23T10:00:01.000Z' };
  });
  world.answer('exam-progress', () => ({ examId: EXAM, timestamp: '2026-11-23T10:00:02.000Z' }));
  return given;
}

/** Timers of IndexedDB are real. */
async function real(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setTimeout(resolve, 1));
  await settle();
}

async function sit(journal: Journal = browserJournal(`exam-${names.pop()}`), given = new Map<number, unknown>()) {
  const world = createWorld({}, journal);
  serve(world, given);
  world.client.connect();
  await settle();
  await world.accept();
  const sitting = world.client.openExam(EXAM);
  await real();
  return { world, sitting, given, journal, now: () => sitting.snapshot.get() };
}

describe('an exam', () => {
  // The control: with the acknowledgement's exam alone the questions are gone.
  it('has the questions of the event where an acknowledgement refers to them', async () => {
    const { world, sitting } = await sit();
    const exam = { id: EXAM, questions: [{ text: 'Which?' }] };
    await world.tell('exam-joined', { examId: EXAM, exam } as never);
    serve(world, new Map(), {}, { questionsUnchanged: true });
    await world.drop();
    await world.pass(1_000);
    await world.accept();
    await real();
    expect(sitting.snapshot.get().exam?.questions).toEqual(exam.questions);
  });

  it('says of every answer whether the server has it', async () => {
    const { sitting, given, now } = await sit();
    sitting.saveAnswer(1, 3);
    expect(now().status.get(1)?.state).toBe('waiting');
    await real();
    expect(now().status.get(1)).toMatchObject({ state: 'saved', savedAt: '2026-11-23T10:00:01.000Z' });
    expect(now().answers).toEqual([null, 3, null]);
    expect(given.get(1)).toBe(3);
  });

  it('sends the latest answer when several were given while one was under way', async () => {
    const { world, sitting, given, now } = await sit();
    world.answer('exam-answer', () => undefined);
    for (const answer of [0, 1, 2]) {
      sitting.saveAnswer(0, answer);
      await real();
    }
    expect(world.count('exam-answer')).toBe(1);
    serve(world, given);
    world.sent.at(-1)?.reply({ ok: true, timestamp: '2026-11-23T10:00:01.000Z' });
    await real();
    expect(world.sent.filter((one) => one.event === 'exam-answer').map((one) => one.payload.answer)).toEqual([0, 2]);
    expect(now().status.get(0)?.state).toBe('saved');
  });

  it('keeps answers given without a connection through a closed tab', async () => {
    const { world, sitting, given, journal } = await sit();
    await world.drop();
    sitting.saveAnswer(0, 2);
    sitting.saveAnswer(2, 1);
    await real();
    expect(sitting.snapshot.get().status.get(0)?.state).toBe('waiting');
    expect(given.size).toBe(0);
    const next = await sit(journal, given);
    await real();
    expect([...given]).toEqual([
      [0, 2],
      [2, 1],
    ]);
    expect(next.now().answers).toEqual([2, null, 1]);
    expect(await journal.answers(ME, EXAM)).toEqual([]);
  });

  it('lets what the server refuses be seen, and does not send it again', async () => {
    const { world, sitting, now } = await sit();
    world.answer('exam-answer', () => ({ ok: false, error: { code: 'exam/time-expired', message: 'Too late' } }));
    sitting.saveAnswer(0, 2);
    await real();
    expect(now().status.get(0)).toMatchObject({ state: 'refused', error: { code: 'exam/time-expired' } });
    await world.pass(60_000);
    expect(world.count('exam-answer')).toBe(1);
  });

  it('counts by the server, whatever this machine takes for the time', async () => {
    const { world, sitting } = await sit();
    expect(sitting.timeRemaining()).toBe(3_600);
    world.setClock(Date.parse('2026-11-23T08:00:00Z'));
    await world.pass(10_000);
    expect(sitting.timeRemaining()).toBe(3_590);
    await world.tell('exam-time-extended', {
      examId: EXAM,
      endsAt: '2026-11-23T11:05:00.000Z',
      serverTime: '2026-11-23T10:00:10.000Z',
    });
    expect(sitting.timeRemaining()).toBe(3_890);
    await world.tell('exam-paused', { examId: EXAM, timeRemaining: 100 });
    await world.pass(50_000);
    expect(sitting.timeRemaining()).toBe(100);
  });

  it('tells progress at most every five seconds, the latest last', async () => {
    const { world, sitting } = await sit();
    for (let question = 0; question < 10; question += 1) {
      sitting.updateProgress(question);
      await world.pass(1_000);
    }
    await world.pass(5_000);
    const told = world.sent.filter((one) => one.event === 'exam-progress').map((one) => one.payload.currentQuestion);
    expect(told).toEqual([0, 4, 9]);
  });

  it('hands in after the last answer has arrived', async () => {
    const { world, sitting } = await sit();
    const result = { completed_at: '2026-11-23T10:10:00.000Z', answers: [1], score: 4 };
    world.answer('exam-complete', () => ({ examId: EXAM, result, reason: 'submitted' }));
    sitting.saveAnswer(0, 1);
    await sitting.complete();
    const order = world.sent.map((one) => one.event).filter((event) => event.startsWith('exam-'));
    expect(order).toEqual(['exam-answer', 'exam-complete']);
    expect(sitting.snapshot.get()).toMatchObject({ reason: 'submitted', session: { status: 'COMPLETED' } });
  });
});
