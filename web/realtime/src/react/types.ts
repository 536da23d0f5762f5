/**
 * What each hook gives: the package's public surface, in one place.
 *
 * The members that the platform's feature document names come first and work as it says; the rest is beyond it.
 */
import type {
  Answer,
  ChatMessage,
  ChosenStatus,
  CompletionReason,
  CreateGroup,
  Exam,
  ExamResult,
  ExamSession,
  LeaderboardEntry,
  MonitoredParticipant,
  Notification,
  Preferences,
  RoomMember,
  RoomSummary,
  SendNotification,
  StudyGroup,
  Thread,
  TypingUser,
  UserRank,
} from '../contract.ts';
import type { AnswerStatus, ConnectionState, RealtimeError, UploadedFile, UploadOptions } from '../core/index.ts';

/** Where a message of this client's own is on its way. One of others, or acknowledged, is `sent`. */
export type DeliveryState = 'queued' | 'sending' | 'sent' | 'failed';

/** A message as a timeline shows it: those not yet acknowledged have no `seq` and stand at the end. */
export interface TimelineMessage extends Omit<ChatMessage, 'seq'> {
  seq: number | null;
  delivery: DeliveryState;
  /** Why it failed, where it did. */
  error: RealtimeError | null;
}

export interface UseWebSocket {
  isConnected: boolean;
  connectionError: RealtimeError | null;
  /** Tries now, instead of waiting for the next attempt. */
  reconnect: () => void;
  state: ConnectionState;
  /** When the next attempt is made, in milliseconds of `Date.now()`; `null` where none is planned. */
  retryAt: number | null;
  /** How many of this client's own messages and answers wait for the connection. */
  waiting: number;
}

export interface SendMessageOptions {
  messageType?: 'text' | 'image' | 'file';
  file?: UploadedFile;
  replyTo?: string;
}

export interface UseChat {
  messages: readonly TimelineMessage[];
  typingUsers: readonly TypingUser[];
  /** Members who are not offline. */
  onlineUsers: readonly RoomMember[];
  isJoined: boolean;
  /** Shown at once, sent when there is a connection, and stored once however often it is sent. */
  sendMessage: (message: string, options?: SendMessageOptions) => void;
  /** May be called at every keystroke: it is throttled, and lapses by itself. */
  sendTypingIndicator: (isTyping: boolean) => void;
  /** Marks everything up to the message read; without one, everything there is. */
  markAsRead: (messageId?: string) => void;
  members: readonly RoomMember[];
  /** Why the room can't be entered. */
  error: RealtimeError | null;
  hasOlder: boolean;
  isLoadingOlder: boolean;
  loadOlder: () => Promise<void>;
  /** Up to where the user themself has read; 0 for nothing. */
  lastReadSeq: number;
  /** Up to where each of the others has read, by user id, as far as it was heard. */
  readUpTo: ReadonlyMap<string, number>;
  retry: (clientMessageId: string) => void;
  discard: (clientMessageId: string) => void;
  edit: (messageId: string, message: string) => Promise<void>;
  remove: (messageId: string) => Promise<void>;
  react: (messageId: string, emoji: string, on?: boolean) => Promise<void>;
  thread: (messageId: string) => Promise<Thread>;
  search: (query: string, beforeSeq?: number) => Promise<{ messages: ChatMessage[]; hasMore: boolean }>;
  mute: (userId: string, minutes: number, reason?: string) => Promise<void>;
  /** Until when the user themself may not post here; `null` where they may. */
  mutedUntil: string | null;
  upload: (file: File, options?: UploadOptions) => Promise<UploadedFile>;
}

export interface UseRealtimeExam {
  session: ExamSession | null;
  /** Others in the exam whose coming was heard. */
  participants: readonly { userId: string; userName: string }[];
  participantCount: number;
  isJoined: boolean;
  /** When something was last saved. */
  lastSaved: Date | null;
  /** `timeRemaining` is there for the document's sake: the server's clock alone counts. */
  updateProgress: (currentQuestion: number, timeRemaining?: number, answers?: readonly (Answer | null)[]) => void;
  /** Kept on this device until the server has it, through a closed tab. `null` takes the answer back. */
  saveAnswer: (questionIndex: number, answer: Answer | null) => void;
  completeExam: () => Promise<ExamResult>;
  exam: Exam | null;
  /** Why it can't be entered. */
  error: RealtimeError | null;
  /** The answers as the student gave them, saved or not, by question index. */
  answers: readonly (Answer | null)[];
  /** By question index; none for a question that was not answered. */
  answerStatus: ReadonlyMap<number, AnswerStatus>;
  /** Seconds left by the server's clock; `null` before the session is known. Changes once a second. */
  timeRemaining: number | null;
  isPaused: boolean;
  isCompleting: boolean;
  result: ExamResult | null;
  reason: CompletionReason | null;
}

export interface UseExamMonitor {
  participants: readonly MonitoredParticipant[];
  participantCount: number;
  isWatching: boolean;
  error: RealtimeError | null;
  /** The server's time now, in milliseconds. */
  serverNow: () => number;
  extend: (minutes: number, userId?: string) => Promise<void>;
  pause: (userId?: string) => Promise<void>;
  resume: (userId?: string) => Promise<void>;
}

export interface UseLeaderboard {
  entries: readonly LeaderboardEntry[];
  userRank: UserRank | null;
  isLoading: boolean;
  lastUpdated: Date | null;
  refresh: () => void;
  error: RealtimeError | null;
  /** When the period began; `null` for all time. */
  periodStart: string | null;
}

export interface UseLeaderboardOptions {
  /** 1 to 100; 50 when left out. */
  limit?: number;
}

export interface UseNotifications {
  notifications: readonly Notification[];
  unreadCount: number;
  markAsRead: (notificationId: string) => void;
  markAllAsRead: () => void;
  sendNotification: (notification: SendNotification) => Promise<void>;
  isLoading: boolean;
  hasMore: boolean;
  loadMore: () => Promise<void>;
  preferences: Preferences | null;
  setPreferences: (preferences: Preferences) => Promise<void>;
  /** Calls back for each one that is new, once however often it is delivered. Gives what ends it. */
  onNew: (listener: (notification: Notification, options: { isSilent: boolean }) => void) => () => void;
}

export interface StudyGroupFilter {
  specialty?: string;
  query?: string;
  mine?: boolean;
}

export interface UseStudyGroups {
  groups: readonly StudyGroup[];
  isLoading: boolean;
  error: RealtimeError | null;
  hasMore: boolean;
  loadMore: () => Promise<void>;
  create: (group: CreateGroup) => Promise<StudyGroup>;
  join: (groupId: string) => Promise<StudyGroup>;
  leave: (groupId: string) => Promise<void>;
  invite: (groupId: string, userId: string) => Promise<void>;
  removeMember: (groupId: string, userId: string) => Promise<void>;
}

/** A room of the user's, as a list of rooms shows it. */
export interface UseRooms {
  rooms: readonly RoomSummary[];
  isLoading: boolean;
  error: RealtimeError | null;
  refresh: () => void;
}

export interface UsePresence {
  /** How the user shows to others, as chosen here. */
  status: ChosenStatus;
  setStatus: (status: ChosenStatus) => Promise<void>;
}
