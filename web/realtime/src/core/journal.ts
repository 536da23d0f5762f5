import { type DBSchema, type IDBPDatabase, openDB } from 'idb';
import type { Answer, SendMessage } from '../contract.ts';

/** A message that the server has not acknowledged. */
export interface JournalMessage {
  userId: string;
  clientMessageId: string;
  roomId: string;
  payload: SendMessage;
  createdAt: string;
}

/** An answer that the server has not acknowledged. */
export interface JournalAnswer {
  userId: string;
  examId: string;
  questionIndex: number;
  answer: Answer | null;
  givenAt: string;
}

/** What is kept on this device, through a closed tab, until the server has it. */
export interface Journal {
  messages(userId: string): Promise<JournalMessage[]>;
  putMessage(message: JournalMessage): Promise<void>;
  removeMessage(clientMessageId: string): Promise<void>;
  answers(userId: string, examId: string): Promise<JournalAnswer[]>;
  putAnswer(answer: JournalAnswer): Promise<void>;
  /** Removes the answer to a question if it is still the one that was given at `givenAt`. */
  removeAnswer(answer: JournalAnswer): Promise<void>;
}

interface Schema extends DBSchema {
  messages: { key: string; value: JournalMessage; indexes: { user: string } };
  answers: { key: [string, string, number]; value: JournalAnswer; indexes: { exam: [string, string] } };
}

/** In IndexedDB. Where the browser refuses it (private windows of some), things are kept for as long as the page lives. */
export function browserJournal(name = 'sinaesta-realtime'): Journal {
  const memory = memoryJournal();
  let opened: Promise<IDBPDatabase<Schema> | null> | null = null;
  const open = () => {
    opened ??= openDB<Schema>(name, 1, {
      upgrade(db) {
        db.createObjectStore('messages', { keyPath: 'clientMessageId' }).createIndex('user', 'userId');
        const answers = db.createObjectStore('answers', { keyPath: ['userId', 'examId', 'questionIndex'] });
        answers.createIndex('exam', ['userId', 'examId']);
      },
    }).catch(() => null);
    return opened;
  };
  return {
    async messages(userId) {
      const db = await open();
      return db ? db.getAllFromIndex('messages', 'user', userId) : memory.messages(userId);
    },
    async putMessage(message) {
      const db = await open();
      await (db ? db.put('messages', message) : memory.putMessage(message));
    },
    async removeMessage(clientMessageId) {
      const db = await open();
      await (db ? db.delete('messages', clientMessageId) : memory.removeMessage(clientMessageId));
    },
    async answers(userId, examId) {
      const db = await open();
      return db ? db.getAllFromIndex('answers', 'exam', [userId, examId]) : memory.answers(userId, examId);
    },
    async putAnswer(answer) {
      const db = await open();
      await (db ? db.put('answers', answer) : memory.putAnswer(answer));
    },
    async removeAnswer(answer) {
      const db = await open();
      if (!db) return memory.removeAnswer(answer);
      const { store, done } = db.transaction('answers', 'readwrite');
      const key: [string, string, number] = [answer.userId, answer.examId, answer.questionIndex];
      const kept = await store.get(key);
      if (kept?.givenAt === answer.givenAt) await store.delete(key);
      await done;
    },
  };
}

export function memoryJournal(): Journal {
  const messages = new Map<string, JournalMessage>();
  const answers = new Map<string, JournalAnswer>();
  const key = (one: JournalAnswer) => `${one.userId} ${one.examId} ${one.questionIndex}`;
  return {
    messages: async (userId) => [...messages.values()].filter((one) => one.userId === userId),
    putMessage: async (message) => void messages.set(message.clientMessageId, message),
    removeMessage: async (clientMessageId) => void messages.delete(clientMessageId),
    answers: async (userId, examId) =>
      [...answers.values()].filter((one) => one.userId === userId && one.examId === examId),
    putAnswer: async (answer) => void answers.set(key(answer), answer),
    removeAnswer: async (answer) => {
      if (answers.get(key(answer))?.givenAt === answer.givenAt) answers.delete(key(answer));
    },
  };
}
