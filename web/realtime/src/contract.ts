// Generated from the Rust types in shared/contracts by `cargo xtask codegen`. Do not edit.
//
//   import { io, type Socket } from 'socket.io-client';
//   const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io(url, { auth: { token } });

/** What an event is acknowledged with: once its effect is durable, or refused. */
export type Ack<Reply = unknown> = ({ ok: true } & Reply) | { ok: false; error: ErrorBody };

/** Stable codes: rely on these, not on the texts beside them. */
export type ErrorCode =
  /** A field is missing, of the wrong type or out of bounds; `field` names it. */
  | 'request/invalid-payload'
  /** No such event. */
  | 'request/unknown-event'
  /** Larger than an event may be. */
  | 'request/too-large'
  /** Binary data where JSON is due. */
  | 'request/binary-not-accepted'
  /** Too many events in too short a time; `retryAfterMs` says when to go on. */
  | 'request/rate-limited'
  /** Far too many events past the limit: the connection is closed; `retryAfterMs` says when to come back. */
  | 'request/flooding'
  /** The server has more work than it can take right now, or from this user; `retryAfterMs` says when to try again. */
  | 'server/busy'
  /** No answer in time: whether it took effect is not known; repeat with the same `clientMessageId`. */
  | 'server/timeout'
  /** The message broker can't be reached. */
  | 'server/unavailable'
  /** What was asked for is done, but the answer is larger than can be sent: ask for less at a time. */
  | 'server/answer-too-large'
  /** A fault of ours. */
  | 'server/internal'
  /** The handshake had no token. */
  | 'auth/no-token'
  /** The token is malformed, expired, not yet valid, or not signed by us. */
  | 'auth/invalid-token'
  /** The token's user does not exist. */
  | 'auth/user-not-found'
  /** The new token belongs to somebody else. */
  | 'auth/other-user'
  /** The caller may not enter this room. */
  | 'chat/room-forbidden'
  /** Nobody has joined this room yet. */
  | 'chat/room-not-found'
  /** The socket is not in the room. */
  | 'chat/not-in-room'
  /** Nothing is left of the message after sanitising. */
  | 'chat/empty-message'
  /** Longer than a message may be after sanitising. */
  | 'chat/message-too-long'
  /** No such message, or not one the caller may see. */
  | 'chat/message-not-found'
  /** Nobody marks their own messages read. */
  | 'chat/own-message'
  /** The file's address is neither ours nor on an allowed host. */
  | 'chat/file-host-not-allowed'
  /** A mentor or admin has muted the caller in this room; `retryAfterMs` says for how long. */
  | 'chat/muted'
  /** Only its sender changes a message; and nobody one that was removed. */
  | 'chat/not-editable'
  /** Not one emoji, or one more than a message may have. */
  | 'chat/invalid-reaction'
  /** The caller has opened, or is in, as many rooms as one may: `leave-room` makes room for others. */
  | 'chat/too-many-rooms'
  /** The message replied to is not in this room. */
  | 'chat/reply-not-found'
  /** The caller's role may not do this. */
  | 'auth/forbidden'
  /** There is nothing at this address. */
  | 'http/not-found'
  /** What is at this address can't be used with this method; `Allow` names those that it can. */
  | 'http/method-not-allowed'
  /** The body is of a type that this route does not read. */
  | 'http/unsupported-media-type'
  /** No such exam, or not one the caller may see. */
  | 'exam/not-found'
  /** Exams are taken by students; mentors and admins watch them with `exam-monitor`. */
  | 'exam/students-only'
  /** The caller has no session in this exam: `join-exam` begins one. */
  | 'exam/not-joined'
  /** The student named has no session in this exam. */
  | 'exam/no-session'
  /** The exam's time has not come yet. */
  | 'exam/not-started'
  /** The exam has ended; nobody can begin it any more. */
  | 'exam/over'
  /** Sent after the session's time was over. */
  | 'exam/time-expired'
  /** The session is completed; nothing changes it any more. */
  | 'exam/completed'
  /** A proctor has paused the session. */
  | 'exam/paused'
  /** The exam has no question with this index. */
  | 'exam/invalid-question'
  /** The answer does not fit its question. */
  | 'exam/invalid-answer'
  /** The answers of this session were changed more often than is kept. */
  | 'exam/too-many-changes'
  /** Only a draft can be changed in this way. */
  | 'exam/not-a-draft'
  /** The exam is not published. */
  | 'exam/not-published'
  /** An exam without questions can't be published. */
  | 'exam/no-questions'
  /** The questions are not as they must be; `faults` names each fault with its line. */
  | 'exam/invalid-questions'
  /** The schedule can't be kept: it ends before it begins, or has begun. */
  | 'exam/invalid-schedule'
  /** The caller has no result in this exam yet. */
  | 'exam/no-result'
  /** The socket does not watch this board. */
  | 'leaderboard/not-watched'
  /** The socket watches as many boards as one may; `leaderboard-unsubscribe` makes room. */
  | 'leaderboard/too-many-boards'
  /** No such study group, or not one the caller may know of. */
  | 'study-group/not-found'
  /** The group has as many members as it may have. */
  | 'study-group/full'
  /** The caller, or whoever is named, is not a member of the group. */
  | 'study-group/not-a-member'
  /** The caller is in as many groups as one may be in. */
  | 'study-group/too-many'
  /** The caller has invited as many people as one may who have not come yet. */
  | 'study-group/too-many-invitations'
  /** The user who is named does not exist. */
  | 'user/not-found'
  /** No such file, or not one the caller may read or post. */
  | 'file/not-found'
  /** Not a type of file that is taken, whatever its name says. */
  | 'file/type-not-allowed'
  /** It begins as an image, and is none that can be shown; or it is too large in pixels. */
  | 'file/invalid-image'
  /** Nothing of the file came for too long, or not all of it in the time that an upload may take. */
  | 'file/too-slow'
  /** No file in the form. */
  | 'file/missing'
  /** The caller has as many files as one may, or as many bytes, or has uploaded as much today. */
  | 'file/quota'
  /** No such notification, or not one of the caller's. */
  | 'notification/not-found'
  /** The user who is to be told does not exist. */
  | 'notification/no-such-user'
  /** The caller has sent as many notifications as one may in a day; `retryAfterMs` says when to go on. */
  | 'notification/too-many'
  /** The address is neither a path nor http(s). */
  | 'notification/invalid-action-url'
  /** The endpoint belongs to no push service that is allowed. */
  | 'push/endpoint-not-allowed'
  /** The keys of a push subscription are not as they must be. */
  | 'push/invalid-keys';

/** An answer: an option's index, several of them, or a number, as its question wants it. */
export type Answer = number | Array<number>;

/** A new token for this connection, before the old one expires. */
export type AuthRefresh = {
  token: string;
};

/** The acknowledgement of `AuthRefresh`. */
export type AuthRefreshed = {
  expiresAt: Timestamp;
};

/** A whole number from `MIN` to `MAX`. */
export type BoundedNumber = number;

/** Text of one character at the least, and no more than each use of it says (`MAX`). */
export type BoundedText = string;

/** The points in one category of an exam's questions. */
export type CategoryScore = {
  category: string;
  score: Points;
  max_score: Points;
  correct_count: number;
  total_questions: number;
};

/** A message as clients see it. */
export type ChatMessage = {
  id: MessageId;
  room_id: RoomId;
  /** 1, 2, 3 … in its room: no gaps, no repeats, the order everyone sees. */
  seq: number;
  sender_id: UserId;
  sender_name: string;
  sender_avatar: string | null;
  /** What it says; `format` tells how to read it. */
  message: string;
  format: MessageFormat;
  message_type: MessageType;
  file_url: string | null;
  file_name: string | null;
  /** Bytes. */
  file_size: number | null;
  /** Whether anybody but the sender has read it. */
  is_read: boolean;
  client_message_id: string | null;
  reply_to: MessageId | null;
  created_at: Timestamp;
  /** How many messages reply to it; left out where none does. */
  reply_count?: number;
  /** Left out where there are none. */
  reactions?: Array<Reaction>;
  /** When it was changed last, if it was. */
  edited_at?: Timestamp;
  /** When it was removed, if it was: then it says nothing, and has no file. */
  removed_at?: Timestamp;
};

/** What a user may choose; being offline is not chosen. */
export type ChosenStatus = "online" | "away" | "busy" | "dnd";

/** What a client may send: `system` is not from clients. */
export type ClientMessageType = "text" | "image" | "file";

/** Hands the exam in. */
export type CompleteExam = {
  examId: ExamId;
};

/** Why a session was completed, or its result told anew. */
export type CompletionReason = "submitted" | "time-expired" | "regraded";

/** Makes a group, with its maker as its first member. */
export type CreateGroup = {
  /** 1 to 100 characters, not all of them spaces. */
  name: BoundedText;
  description?: BoundedText;
  specialty?: BoundedText;
  /** 2 to 500; 10 when left out. */
  maxMembers?: BoundedNumber;
  /** Whether it is listed and anybody may join; `true` when left out. */
  isPublic?: boolean;
};

/** Changes what one's own message says. What it said before is kept. */
export type EditMessage = {
  messageId: MessageId;
  /** Sanitised as a new one is. */
  message: BoundedText;
};

/** Why something was refused: in an acknowledgement's `error`, or as the `error` event. */
export type ErrorBody = {
  /** What went wrong, for programs. */
  code: ErrorCode;
  /** For people, in English. */
  message: string;
  /** The field that is at fault, as a path (`fileUrl`, `answers[3]`). */
  field?: string;
  /** Milliseconds until the same event may be sent again. */
  retryAfterMs?: number;
  /** Everything that is wrong with a file, in the order of its lines. */
  faults?: Array<Fault>;
};

/** A failure of an event that was sent without an acknowledgement callback. */
export type ErrorEvent = {
  /** The event that failed. */
  event: string;
  /** What went wrong, for programs. */
  code: ErrorCode;
  /** For people, in English. */
  message: string;
  /** The field that is at fault, as a path (`fileUrl`, `answers[3]`). */
  field?: string;
  /** Milliseconds until the same event may be sent again. */
  retryAfterMs?: number;
  /** Everything that is wrong with a file, in the order of its lines. */
  faults?: Array<Fault>;
};

/** An exam as those get it who take it: no key, no explanations. */
export type Exam = {
  /** Empty while the exam has not begun. */
  questions: Array<Question>;
  id: ExamId;
  title: string;
  description: string | null;
  specialty: string;
  duration_minutes: number;
  total_questions: number;
  max_score: Points;
  /** What a wrong answer takes away, in hundredths of what its question is worth. */
  negative_marking_percent: number;
  /** A synchronised exam begins for all at this moment … */
  scheduled_start: Timestamp | null;
  /** … and ends for all at this one. */
  scheduled_end: Timestamp | null;
};

/** The answer is durable. */
export type ExamAnswerSaved = {
  examId: ExamId;
  questionIndex: number;
  answer: Answer | null;
  /** When the broker stored it: the time that counts. */
  timestamp: Timestamp;
};

/** To all sockets of the student: the session is completed and graded. */
export type ExamCompleted = {
  examId: ExamId;
  result: ExamResult;
  reason: CompletionReason;
};

/** An exam's id: the id of the command that created it. */
export type ExamId = string;

/** The student is in the exam. */
export type ExamJoined = {
  /** How many students have a live socket in the exam. */
  participantCount: number;
  /**
   * In an acknowledgement only: this socket has had these questions with an earlier one, so `exam.questions` is empty
   * here. The event always has them.
   */
  questionsUnchanged?: boolean;
  examId: ExamId;
  exam: Exam;
  session: ExamSession;
  /** Once the session is completed. */
  result?: ExamResult;
  serverTime: Timestamp;
};

/** To the one who left. */
export type ExamLeft = {
  examId: ExamId;
};

/** Everyone in an exam. */
export type ExamMonitorSnapshot = {
  examId: ExamId;
  /** Those first who were active last, as many as one answer takes. */
  participants: Array<MonitoredParticipant>;
  /** There are more than `participants` has. */
  hasMore: boolean;
  /** How many of them have a live socket in the exam. */
  participantCount: number;
  serverTime: Timestamp;
};

/** To those who watch: the participants for whom something changed, as they are now. */
export type ExamMonitorUpdate = {
  examId: ExamId;
  participants: Array<MonitoredParticipant>;
  serverTime: Timestamp;
};

/** To each student concerned: the time stands still. */
export type ExamPaused = {
  examId: ExamId;
  /** Seconds that will be left. */
  timeRemaining: number;
};

/** The progress is durable. */
export type ExamProgressSaved = {
  examId: ExamId;
  currentQuestion: number;
  /** Seconds, by the server's clock. */
  timeRemaining: number;
  timestamp: Timestamp;
};

/** What a session was graded as. */
export type ExamResult = {
  id: ResultId;
  exam_id: ExamId;
  user_id: UserId;
  /** Points; never less than 0. */
  score: Points;
  max_score: Points;
  /** Of the most that could be had, with two decimals. */
  percentage: number;
  total_questions: number;
  /** Questions whose full points were earned. */
  correct_count: number;
  /** As they were graded, by question index. */
  answers: Array<Answer | null>;
  breakdown: Array<CategoryScore>;
  /** Which version of the key it was graded by: 1, and one more with each correction. */
  key_version: number;
  /** The last link of the record's hash chain: SHA-256, in hexadecimal. */
  record_head: string;
  completed_at: Timestamp;
};

/** To each student concerned: the time runs again. */
export type ExamResumed = {
  examId: ExamId;
  endsAt: Timestamp;
  serverTime: Timestamp;
};

/** One student's sitting of one exam. */
export type ExamSession = {
  id: SessionId;
  exam_id: ExamId;
  user_id: UserId;
  /** The exam's proctoring chat. */
  room_id: RoomId;
  current_question: number;
  /** By question index; `null` where there is none. */
  answers: Array<Answer | null>;
  /** Seconds, by the server's clock. */
  time_remaining: number;
  status: SessionStatus;
  last_activity: Timestamp;
  started_at: Timestamp;
  completed_at: Timestamp | null;
  ends_at: Timestamp;
};

/** A synchronised exam begins: to everyone who waits for it. */
export type ExamStarted = {
  examId: ExamId;
  /** With its questions now. */
  exam: Exam;
  endsAt: Timestamp;
  serverTime: Timestamp;
};

/** To each student concerned: there is more time. */
export type ExamTimeExtended = {
  examId: ExamId;
  endsAt: Timestamp;
  serverTime: Timestamp;
};

/** Gives more time, to one student or to all who have not completed. */
export type ExtendExam = {
  examId: ExamId;
  userId?: UserId;
  minutes: BoundedNumber;
};

/** One thing that is wrong with a file. */
export type Fault = {
  /** The line it begins in, from 1; of a list, the item's number. */
  line: number;
  /** For people, in English. */
  reason: string;
};

/** To the uploader's sockets, while a file comes in that was sent with an `uploadId`. */
export type FileUploadProgress = {
  uploadId: string;
  /** Bytes that have come in. */
  received: number;
  /** Bytes of the whole request, if it says so. */
  total: number | null;
};

/** What was found. */
export type FoundMessages = {
  /** Newest first. */
  messages: Array<ChatMessage>;
  hasMore: boolean;
};

/** A study group's id: the id of the command that made it. */
export type GroupId = string;

/** A page of groups. */
export type GroupPage = {
  groups: Array<StudyGroup>;
  hasMore: boolean;
};

/** Is the server there? Answered by `HeartbeatAck`. */
export type Heartbeat = Record<string, never>;

/** The answer to `Heartbeat`. */
export type HeartbeatAck = {
  /** The server's clock when it answered. */
  serverTime: Timestamp;
};

/** A page of messages, oldest first. */
export type HistoryPage = {
  messages: Array<ChatMessage>;
  hasMore: boolean;
};

/** How many sessions it concerned. */
export type Intervened = {
  sessions: number;
};

/** Wants somebody in a group: for its members. A group that is not public is joined by invitation only. */
export type InviteMember = {
  groupId: GroupId;
  userId: UserId;
};

/** Begins an exam, or returns to it. */
export type JoinExam = {
  examId: ExamId;
};

/** Joins a group. For one who is in it already, that is no error. */
export type JoinGroup = {
  groupId: GroupId;
};

/** Enters a room. */
export type JoinRoom = {
  roomId: RoomId;
  /** The last `seq` this client has: everything after it is brought, instead of the latest messages. */
  sinceSeq?: number;
};

/** A board as it is. */
export type LeaderboardData = {
  period: Period;
  specialty?: string;
  /** When the period began; `null` for all time. */
  periodStart: Timestamp | null;
  entries: Array<LeaderboardEntry>;
  /** `null` for one who is not on the board. */
  userRank: UserRank | null;
  timestamp: Timestamp;
};

/** Somebody's place on a board. */
export type LeaderboardEntry = {
  user_id: UserId;
  user_name: string;
  user_avatar: string | null;
  /** The board's; `null` on one over everyone. */
  specialty: string | null;
  total_score: Points;
  exams_completed: number;
  /** With two decimals. */
  average_score: Points;
  /** From 1. Total score decides, then average score, then who got there first. */
  rank: number;
  /** Where they stood when the board was last told; `null` where that is not known. */
  previous_rank: number | null;
  period: Period;
};

/** To one watcher whose own place changed, however far from the top. */
export type LeaderboardRankChanged = {
  period: Period;
  specialty?: string;
  userRank: UserRank | null;
};

/** To a board's watchers, at most once a second and only if it changed: as many entries as each asked for. */
export type LeaderboardUpdated = {
  period: Period;
  specialty?: string;
  periodStart: Timestamp | null;
  entries: Array<LeaderboardEntry>;
  timestamp: Timestamp;
};

/** Goes out of an exam; the session goes on. For a proctor: watches it no more. */
export type LeaveExam = {
  examId: ExamId;
};

/** Leaves a group. */
export type LeaveGroup = {
  groupId: GroupId;
};

/** Leaves a room. */
export type LeaveRoom = {
  roomId: RoomId;
};

/** Asks for groups, newest first: those that anybody may join and one's own. */
export type ListGroups = {
  specialty?: BoundedText;
  /** What the name or the description has in it, in whatever case. */
  query?: BoundedText;
  /** Only groups that the caller is a member of. */
  mine?: boolean;
  /** The last one of the page before. */
  before?: GroupId;
  /** 1 to 50; 20 when left out. */
  limit?: BoundedNumber;
  /** From now on this socket hears of new public groups, and of those that are no more; `false`: no longer. */
  watch?: boolean;
};

/** Asks for a page of one's notifications, newest first. */
export type ListNotifications = {
  /** The last one of the page before. */
  before?: NotificationId;
  /** 1 to 100; 20 when left out. */
  limit?: BoundedNumber;
  unreadOnly?: boolean;
};

/**
 * Asks for one's rooms: those one has joined, those of two that somebody else has written in, and for mentors and admins
 * every student's `mentor:` room. The latest 100, those first in which something was said last.
 */
export type ListRooms = Record<symbol, never>;

/** Marks everything up to a message read. */
export type MarkMessageRead = {
  messageId: MessageId;
};

/** To the room: a message says something else now. */
export type MessageEdited = {
  message: ChatMessage;
};

/** How what a message says is to be read. */
export type MessageFormat = "text" | "html";

/** Asks for a page of a room's messages: the latest, or those before a `seq`. */
export type MessageHistory = {
  roomId: RoomId;
  beforeSeq?: number;
  /** 1 to 100; 50 when left out. */
  limit?: BoundedNumber;
};

/** A chat message's id: the id of the command that posted it. */
export type MessageId = string;

/** To the room: all reactions to a message as they are now. */
export type MessageReactions = {
  messageId: MessageId;
  roomId: RoomId;
  /** In the order in which the first of each came. */
  reactions: Array<Reaction>;
};

/** Somebody has read up to a message. */
export type MessageRead = {
  messageId: MessageId;
  roomId: RoomId;
  readBy: UserId;
  readUpToSeq: number;
};

/** To the room: a message is gone. Its place in the room stays, without what it said. */
export type MessageRemoved = {
  messageId: MessageId;
  roomId: RoomId;
  removedBy: UserId;
  removedAt: Timestamp;
};

/** The acknowledgement of `SendMessage`: the message as it was stored. */
export type MessageSent = {
  message: ChatMessage;
};

/** What a message carries. */
export type MessageType = "text" | "image" | "file" | "system";

/** Watches an exam: a snapshot of every participant, then updates as they work. */
export type MonitorExam = {
  examId: ExamId;
};

/** A student as their proctors see them. */
export type MonitoredParticipant = {
  user_id: UserId;
  user_name: string;
  status: SessionStatus;
  is_connected: boolean;
  current_question: number;
  answered_count: number;
  /** Seconds, by the server's clock. */
  time_remaining: number;
  last_activity: Timestamp;
  ends_at: Timestamp;
  /** Once completed. */
  score: Points | null;
};

/** Lets somebody post nothing in a room for a while: for mentors and admins. */
export type MuteUser = {
  roomId: RoomId;
  userId: UserId;
  /** Up to 43,200, which is thirty days; 0: they may post again. */
  minutes: BoundedNumber;
  reason?: BoundedText;
};

/**
 * Something new, or a known one that says something new: the whole notification. The same id is the same one.
 *
 * An announcement is delivered once for all of its readers; the gateways put each reader, count and version in.
 */
export type NewNotification = {
  /** How many the reader has not read. */
  unread_count: number;
  version: number;
  /** It comes in the reader's quiet hours, or they know it already: show it, without a sound. */
  is_silent: boolean;
  id: NotificationId;
  /** The reader; of an announcement, each of its readers. */
  user_id: UserId;
  type: NotificationType;
  title: string;
  message: string;
  /** Whatever its sender gave; of the system's own, `kind` says what it is about and the rest where to find it. */
  data: any;
  is_read: boolean;
  priority: Priority;
  /** A path of this site, or an http(s) address. */
  action_url: string | null;
  created_at: Timestamp;
  /** When it last said something new: lists are in this order, newest first. */
  updated_at: Timestamp;
  /** How many messages it stands for; 1 of anything else. */
  count: number;
};

/** A notification as its reader sees it. All of its texts are plain text. */
export type Notification = {
  id: NotificationId;
  /** The reader; of an announcement, each of its readers. */
  user_id: UserId;
  type: NotificationType;
  title: string;
  message: string;
  /** Whatever its sender gave; of the system's own, `kind` says what it is about and the rest where to find it. */
  data: any;
  is_read: boolean;
  priority: Priority;
  /** A path of this site, or an http(s) address. */
  action_url: string | null;
  created_at: Timestamp;
  /** When it last said something new: lists are in this order, newest first. */
  updated_at: Timestamp;
  /** How many messages it stands for; 1 of anything else. */
  count: number;
};

/** A notification's id: the same whenever and wherever it is told. */
export type NotificationId = string;

/** A page of notifications. */
export type NotificationPage = {
  notifications: Array<Notification>;
  unreadCount: number;
  version: number;
  hasMore: boolean;
};

/** What a user wants to be told, by type: all four. */
export type NotificationPreferences = {
  preferences: Preferences;
};

/** To all of the user's sockets: a notification is read. */
export type NotificationRead = {
  notificationId: NotificationId;
  unreadCount: number;
  version: number;
};

/** To everybody: an announcement is too old to be kept. Delivered once; the gateways put counts and versions in. */
export type NotificationRemoved = {
  notificationId: NotificationId;
  unreadCount: number;
  version: number;
};

/** The notification is stored. */
export type NotificationSent = {
  notificationId: NotificationId;
  timestamp: Timestamp;
};

/** What a notification is about. */
export type NotificationType = "EXAM_UPDATE" | "MESSAGE" | "LEADERBOARD" | "SYSTEM";

/** To all of the user's sockets: everything that was said with `readUpToVersion` or a lower version is read. */
export type NotificationsReadAll = {
  unreadCount: number;
  version: number;
  readUpToVersion: number;
};

/** To a socket that has connected, or may have missed something: the latest 20. */
export type NotificationsSnapshot = {
  notifications: Array<Notification>;
  unreadCount: number;
  version: number;
};

/** To the others in the exam; without the score. */
export type ParticipantCompletedExam = {
  examId: ExamId;
  userId: UserId;
  userName: string;
  participantCount: number;
};

/** To the others in the exam. In one with many participants not every coming is told, but every count is right. */
export type ParticipantJoinedExam = {
  examId: ExamId;
  userId: UserId;
  userName: string;
  participantCount: number;
};

/** To the others in the exam, when a student's last socket in it is gone. */
export type ParticipantLeftExam = {
  examId: ExamId;
  userId: UserId;
  userName: string;
  participantCount: number;
};

/** Stops the time, for one student or for all who have not completed. */
export type PauseExam = {
  examId: ExamId;
  userId?: UserId;
};

/** Over which results a board counts. */
export type Period = "weekly" | "monthly" | "all_time";

/** Points in an exam, counted in hundredths; written as a number (`2.5`). */
export type Points = number;

/** Preferences by type. */
export type Preferences = {
  EXAM_UPDATE?: TypePreference;
  MESSAGE?: TypePreference;
  LEADERBOARD?: TypePreference;
  SYSTEM?: TypePreference;
};

/** To all of the user's sockets: preferences were changed, and with them what is seen. */
export type PreferencesChanged = {
  preferences: Preferences;
  unreadCount: number;
  version: number;
};

/** How much it matters. */
export type Priority = "low" | "normal" | "high" | "urgent";

/** A question without its key. */
export type Question = {
  /** 0, 1, 2 …: what `questionIndex` names. */
  index: number;
  kind: QuestionKind;
  text: string;
  /** Empty for a numeric question. */
  options: Array<string>;
  points: Points;
  category: string | null;
};

/** What kind of answer a question wants. */
export type QuestionKind = "single-choice" | "several-correct" | "true-false" | "numeric";

/** When nothing makes a sound or is pushed, save what is urgent. */
export type QuietHours = {
  from: TimeOfDay;
  /** Before `from`: on the next day; the same as `from`: the whole day. */
  until: TimeOfDay;
  /** An IANA name (`Asia/Jakarta`). */
  timeZone: BoundedText;
};

/** Reacts to a message, or takes a reaction back. */
export type ReactToMessage = {
  messageId: MessageId;
  /** One emoji. */
  emoji: BoundedText;
  /** `false`: takes it back. */
  on?: boolean;
};

/** Who reacted with an emoji. */
export type Reaction = {
  emoji: string;
  count: number;
  /** The first twenty. */
  user_ids: Array<UserId>;
};

/** Marks everything read that its reader can see. */
export type ReadAllNotifications = Record<string, never>;

/** Marks one notification read. */
export type ReadNotification = {
  notificationId: NotificationId;
};

/** Asks for one's preferences. */
export type ReadPreferences = Record<string, never>;

/** Asks for a message and the replies to it. */
export type ReadThread = {
  messageId: MessageId;
  /** Only replies after this one. */
  afterSeq?: number;
  /** 1 to 100; 50 when left out. */
  limit?: BoundedNumber;
};

/** `receive-message`: a message in a room the socket has joined. */
export type ReceiveMessage = ChatMessage;

/** Whom an announcement is for: everybody, or those with a role, with a specialty, or with both. */
export type Recipients = {
  role?: Role;
  specialty?: BoundedText;
  /** Everybody: alone. */
  all?: boolean;
};

/** What a recomputation found. */
export type Recomputed = {
  /** How many entries were not as the results say; they are now. */
  repaired: number;
};

/** Removes a member: for the group's owner, mentors and admins. */
export type RemoveMember = {
  groupId: GroupId;
  userId: UserId;
};

/** Removes a message: one's own, or for mentors and admins any in a room they may enter. */
export type RemoveMessage = {
  messageId: MessageId;
};

/** Asks for a board, and watches it from then on unless `periodStart` is given. */
export type RequestLeaderboard = {
  period?: Period;
  /** Left out: over everyone. */
  specialty?: BoundedText;
  /** 1 to 100; 50 when left out. */
  limit?: BoundedNumber;
  /** The caller's neighbours instead of the top: so many as `limit` says, the caller in their midst. */
  around?: boolean;
  /** A moment within the period that is wanted: not before 1970, and not in the future. */
  periodStart?: Timestamp;
};

/** What a session was graded as. */
export type ResultId = string;

/** Lets the time run again; what was left when it was stopped is left now. */
export type ResumeExam = {
  examId: ExamId;
  userId?: UserId;
};

/** This socket may have missed something in the room: `join-room` with `sinceSeq` brings it. */
export type ResyncRequired = {
  roomId: RoomId;
};

/** What a person is on the platform. In the order of their ranks. */
export type Role = "STUDENT" | "MENTOR" | "PROGRAM_ADMIN" | "SUPER_ADMIN";

/** A room's id: 1 to 128 characters of `A-Z a-z 0-9 : _ -`; its prefix decides its kind. */
export type RoomId = string;

/** The room as it is at `last_seq`. */
export type RoomJoined = {
  roomId: RoomId;
  /** Oldest first: the last 50, or with `sinceSeq` those missed, up to 500. */
  messages: Array<ChatMessage>;
  /** With `sinceSeq`: more was missed than `messages` has; without: the room has older messages. */
  hasMore: boolean;
  /** The latest 100 who joined and did not leave. */
  members: Array<RoomMember>;
  typing: Array<TypingUser>;
  /** The room's latest `seq`; 0 in an empty room. */
  lastSeq: number;
  /** Up to where the joining user has read. */
  lastReadSeq: number;
};

/** To the one who left. */
export type RoomLeft = {
  roomId: RoomId;
};

/** One's rooms. */
export type RoomList = {
  rooms: Array<RoomSummary>;
  /** There are more than one answer takes. */
  hasMore: boolean;
};

/** Somebody in a room, as `room-joined` lists them. */
export type RoomMember = {
  userId: UserId;
  userName: string;
  status: Status;
};

/** To the sockets of somebody who may be in a room no more: they hear nothing of it from now on. */
export type RoomRemoved = {
  roomId: RoomId;
  userId: UserId;
};

/** A room as a list shows it. */
export type RoomSummary = {
  room_id: RoomId;
  room_type: RoomType;
  /** The study group's, the other one's, or that of the student whose mentor room it is; `null`: show the id. */
  name: string | null;
  /** `null` in an empty room; of a message of more than 1,000 bytes the beginning, as text. */
  last_message: ChatMessage | null;
  last_seq: number;
  /** Up to where the user has read; 0 for nothing. */
  last_read_seq: number;
  /**
   * Messages of others that the user has not read; 1,000 stands for that and more. Removed ones and the user's own do not
   * count among the first 50, those behind them do.
   */
  unread_count: number;
};

/** What kind of room it is: what its id begins with says the same. */
export type RoomType = "MENTOR" | "DIRECT" | "STUDY_GROUP" | "EXAM" | "OPEN";

/** Saves one answer. */
export type SaveAnswer = {
  examId: ExamId;
  questionIndex: number;
  /** `null` takes the answer back. */
  answer: Answer | null;
};

/**
 * Saves where the student is, and all answers as this client has them.
 *
 * An entry of `answers` that is `null` or missing says nothing. One that repeats what was given by `exam-answer`
 * before and was changed by it since is out of date, and is passed over: a forgotten tab undoes nothing.
 */
export type SaveProgress = {
  examId: ExamId;
  currentQuestion: number;
  /** Never believed: the server's clock counts. */
  timeRemaining?: number;
  answers?: Array<Answer | null>;
};

/** Asks for a room's messages that say something, in Indonesian or in English, newest first. */
export type SearchMessages = {
  roomId: RoomId;
  /** Words; `"as they stand"`, `or` and `-without` as in a search engine. */
  query: BoundedText;
  beforeSeq?: number;
  /** 1 to 100; 50 when left out. */
  limit?: BoundedNumber;
};

/** Posts into a group's room: the same as `send-message` there. */
export type SendGroupMessage = {
  groupId: GroupId;
  message: BoundedText;
  clientMessageId?: BoundedText;
  replyTo?: MessageId;
};

/** Posts a message. */
export type SendMessage = {
  roomId: RoomId;
  /**
   * May hold HTML, which is sanitised: what is no tag of an HTML element is text, and stays as it was typed. The bound
   * on what arrives is wider than that on what a reader sees (8,000 characters).
   */
  message: BoundedText;
  messageType?: ClientMessageType;
  fileUrl?: BoundedText;
  fileName?: BoundedText;
  /** Bytes. */
  fileSize?: number;
  /** Made by the client: a repeat by the same sender is the same message. */
  clientMessageId?: BoundedText;
  replyTo?: MessageId;
};

/** Tells oneself, another user, or an audience. */
export type SendNotification = {
  /** Left out, with no `audience` either: oneself. Another user: for mentors and admins. */
  userId?: UserId;
  /** For admins, instead of `userId`. */
  audience?: Recipients;
  type: NotificationType;
  /** 1 to 200 characters. */
  title: BoundedText;
  /** 1 to 2,000 characters. */
  message: BoundedText;
  /** Any JSON of up to 4,096 bytes and 32 levels; it comes back as it is. */
  data?: any;
  priority?: Priority;
  /** A path that begins with `/`, or an http(s) address; up to 2,048 characters. */
  actionUrl?: BoundedText;
};

/** The server is about to close: reconnect, and be served by another or by its successor. */
export type ServerClosing = {
  /** Come back at a random moment within so many milliseconds: spreads the return of many clients. */
  reconnectAfterMs: number;
};

/** One student's sitting of one exam: the id of the command that began it. */
export type SessionId = string;

/** How far a session is. */
export type SessionStatus = "WAITING" | "IN_PROGRESS" | "PAUSED" | "COMPLETED";

/** Changes the preferences of the types that are given. */
export type SetPreferences = {
  preferences: Preferences;
};

/** Chooses how the sender shows to others. */
export type SetStatus = {
  status: ChosenStatus;
};

/** Says whether the sender is typing; lapses by itself. */
export type SetTyping = {
  roomId: RoomId;
  isTyping: boolean;
};

/** How a user shows to those who share a room with them. */
export type Status = "online" | "away" | "busy" | "dnd" | "offline";

/** The acknowledgement of `SetStatus`. */
export type StatusSet = {
  status: Status;
};

/** A group as clients see it. */
export type StudyGroup = {
  id: GroupId;
  name: string;
  description: string | null;
  room_id: RoomId;
  /** Whose group it is: its maker, and after they left the longest-standing member. */
  creator_id: UserId;
  /** The longest-standing first. */
  members: Array<UserId>;
  member_count: number;
  max_members: number;
  specialty: string | null;
  is_public: boolean;
  created_at: Timestamp;
  updated_at: Timestamp;
};

/** To those who watch the list: there is a new group that anybody may join. */
export type StudyGroupAvailable = StudyGroup;

/** The group is made, and the socket is in its room. */
export type StudyGroupCreated = StudyGroup;

/** To the last member and to those who watch the list: the group is no more. */
export type StudyGroupDeleted = {
  groupId: GroupId;
};

/** The user is a member, and the socket is in the group's room. */
export type StudyGroupJoined = {
  group: StudyGroup;
  roomId: RoomId;
};

/** To the one who left. */
export type StudyGroupLeft = {
  groupId: GroupId;
};

/** To the other members in the group's room. */
export type StudyGroupMemberJoined = {
  groupId: GroupId;
  userId: UserId;
  userName: string;
  memberCount: number;
};

/** To the members in the group's room: somebody left, or was removed. */
export type StudyGroupMemberLeft = {
  groupId: GroupId;
  userId: UserId;
  userName: string;
  memberCount: number;
  /** Whose group it is from now on. */
  creatorId: UserId;
};

/** A message and the replies to it. */
export type Thread = {
  message: ChatMessage;
  /** Oldest first. */
  replies: Array<ChatMessage>;
  hasMore: boolean;
};

/** A time of day as `HH:MM`, 00:00 to 23:59. */
export type TimeOfDay = string;

/** A point in time, written as `2026-01-02T03:04:05.678Z`. */
export type Timestamp = string;

/** The connection's token is about to expire: send `AuthRefresh`. */
export type TokenExpiring = {
  expiresAt: Timestamp;
};

/** What a user wants to be told of one type. */
export type TypePreference = {
  /** Off: notifications of this type are not seen, save urgent ones. */
  enabled: boolean;
  /** Left out: none. */
  quietHours?: QuietHours;
};

/** To the others in the room. */
export type TypingIndicator = {
  roomId: RoomId;
  userId: UserId;
  userName: string;
  isTyping: boolean;
};

/** Somebody who is typing. */
export type TypingUser = {
  userId: UserId;
  userName: string;
};

/** Watches a board no more. */
export type UnsubscribeLeaderboard = {
  period?: Period;
  specialty?: BoundedText;
};

/** Counts all boards anew from the results; for admins. */
export type UpdateLeaderboard = Record<string, never>;

/** A person's id, as it stands in the token. */
export type UserId = string;

/** To the others in the room, the first time somebody enters it. */
export type UserJoinedRoom = {
  roomId: RoomId;
  userId: UserId;
  userName: string;
};

/** To the others in the room, when somebody leaves it for good. */
export type UserLeftRoom = {
  roomId: RoomId;
  userId: UserId;
  userName: string;
};

/** To the room and to whom it is about. */
export type UserMuted = {
  roomId: RoomId;
  userId: UserId;
  /** `null`: they may post again. */
  until: Timestamp | null;
  mutedBy: UserId;
};

/** The caller's own place. */
export type UserRank = {
  user_id: UserId;
  rank: number;
  previous_rank: number | null;
  total_score: Points;
  exams_completed: number;
  average_score: Points;
  /** How many are on the board. */
  participants: number;
};

/** A user who shares a room with the receiver came, went or chose another status. */
export type UserStatusChange = {
  userId: UserId;
  userName: string;
  status: Status;
  lastSeen: Timestamp;
};

/** What a client sends; optional only where there is nothing to hear but that it was done. */
export interface ClientToServerEvents {
  'join-room': (payload: JoinRoom, ack: (ack: Ack<RoomJoined>) => void) => void;
  'leave-room': (payload: LeaveRoom, ack: (ack: Ack<RoomLeft>) => void) => void;
  'send-message': (payload: SendMessage, ack: (ack: Ack<MessageSent>) => void) => void;
  'typing-indicator': (payload: SetTyping, ack?: (ack: Ack) => void) => void;
  'mark-message-read': (payload: MarkMessageRead, ack: (ack: Ack<MessageRead>) => void) => void;
  'message-history': (payload: MessageHistory, ack: (ack: Ack<HistoryPage>) => void) => void;
  'room-list': (payload: ListRooms, ack: (ack: Ack<RoomList>) => void) => void;
  'message-edit': (payload: EditMessage, ack: (ack: Ack<MessageEdited>) => void) => void;
  'message-remove': (payload: RemoveMessage, ack: (ack: Ack<MessageRemoved>) => void) => void;
  'message-react': (payload: ReactToMessage, ack: (ack: Ack<MessageReactions>) => void) => void;
  'message-thread': (payload: ReadThread, ack: (ack: Ack<Thread>) => void) => void;
  'message-search': (payload: SearchMessages, ack: (ack: Ack<FoundMessages>) => void) => void;
  'mute-user': (payload: MuteUser, ack: (ack: Ack<UserMuted>) => void) => void;
  'set-status': (payload: SetStatus, ack: (ack: Ack<StatusSet>) => void) => void;
  'join-exam': (payload: JoinExam, ack: (ack: Ack<ExamJoined>) => void) => void;
  'leave-exam': (payload: LeaveExam, ack: (ack: Ack<ExamLeft>) => void) => void;
  'exam-progress': (payload: SaveProgress, ack: (ack: Ack<ExamProgressSaved>) => void) => void;
  'exam-answer': (payload: SaveAnswer, ack: (ack: Ack<ExamAnswerSaved>) => void) => void;
  'exam-complete': (payload: CompleteExam, ack: (ack: Ack<ExamCompleted>) => void) => void;
  'exam-monitor': (payload: MonitorExam, ack: (ack: Ack<ExamMonitorSnapshot>) => void) => void;
  'exam-extend': (payload: ExtendExam, ack: (ack: Ack<Intervened>) => void) => void;
  'exam-pause': (payload: PauseExam, ack: (ack: Ack<Intervened>) => void) => void;
  'exam-resume': (payload: ResumeExam, ack: (ack: Ack<Intervened>) => void) => void;
  'leaderboard-request': (payload: RequestLeaderboard, ack: (ack: Ack<LeaderboardData>) => void) => void;
  'leaderboard-unsubscribe': (payload: UnsubscribeLeaderboard, ack?: (ack: Ack) => void) => void;
  'leaderboard-update': (payload: UpdateLeaderboard, ack: (ack: Ack<Recomputed>) => void) => void;
  'notification-send': (payload: SendNotification, ack: (ack: Ack<NotificationSent>) => void) => void;
  'notification-read': (payload: ReadNotification, ack: (ack: Ack<NotificationRead>) => void) => void;
  'notification-read-all': (payload: ReadAllNotifications, ack: (ack: Ack<NotificationsReadAll>) => void) => void;
  'notification-list': (payload: ListNotifications, ack: (ack: Ack<NotificationPage>) => void) => void;
  'notification-preferences': (payload: ReadPreferences, ack: (ack: Ack<NotificationPreferences>) => void) => void;
  'notification-preferences-set': (payload: SetPreferences, ack: (ack: Ack<PreferencesChanged>) => void) => void;
  'study-group-create': (payload: CreateGroup, ack: (ack: Ack<StudyGroupCreated>) => void) => void;
  'study-group-join': (payload: JoinGroup, ack: (ack: Ack<StudyGroupJoined>) => void) => void;
  'study-group-leave': (payload: LeaveGroup, ack: (ack: Ack<StudyGroupLeft>) => void) => void;
  'study-group-message': (payload: SendGroupMessage, ack: (ack: Ack<MessageSent>) => void) => void;
  'study-group-list': (payload: ListGroups, ack: (ack: Ack<GroupPage>) => void) => void;
  'study-group-invite': (payload: InviteMember, ack?: (ack: Ack) => void) => void;
  'study-group-remove': (payload: RemoveMember, ack?: (ack: Ack) => void) => void;
  'heartbeat': (payload: Heartbeat, ack: (ack: Ack<HeartbeatAck>) => void) => void;
  'auth-refresh': (payload: AuthRefresh, ack: (ack: Ack<AuthRefreshed>) => void) => void;
}

/** What a client receives. */
export interface ServerToClientEvents {
  'room-joined': (payload: RoomJoined) => void;
  'room-left': (payload: RoomLeft) => void;
  'user-joined-room': (payload: UserJoinedRoom) => void;
  'user-left-room': (payload: UserLeftRoom) => void;
  'receive-message': (payload: ReceiveMessage) => void;
  'typing-indicator': (payload: TypingIndicator) => void;
  'message-read': (payload: MessageRead) => void;
  'message-edited': (payload: MessageEdited) => void;
  'message-removed': (payload: MessageRemoved) => void;
  'message-reactions': (payload: MessageReactions) => void;
  'user-muted': (payload: UserMuted) => void;
  'user-status-change': (payload: UserStatusChange) => void;
  'exam-joined': (payload: ExamJoined) => void;
  'exam-left': (payload: ExamLeft) => void;
  'exam-started': (payload: ExamStarted) => void;
  'exam-progress-saved': (payload: ExamProgressSaved) => void;
  'exam-answer-saved': (payload: ExamAnswerSaved) => void;
  'exam-completed': (payload: ExamCompleted) => void;
  'participant-joined-exam': (payload: ParticipantJoinedExam) => void;
  'participant-left-exam': (payload: ParticipantLeftExam) => void;
  'participant-completed-exam': (payload: ParticipantCompletedExam) => void;
  'exam-monitor-snapshot': (payload: ExamMonitorSnapshot) => void;
  'exam-monitor-update': (payload: ExamMonitorUpdate) => void;
  'exam-time-extended': (payload: ExamTimeExtended) => void;
  'exam-paused': (payload: ExamPaused) => void;
  'exam-resumed': (payload: ExamResumed) => void;
  'leaderboard-data': (payload: LeaderboardData) => void;
  'leaderboard-updated': (payload: LeaderboardUpdated) => void;
  'leaderboard-rank-changed': (payload: LeaderboardRankChanged) => void;
  'notifications-snapshot': (payload: NotificationsSnapshot) => void;
  'notification-sent': (payload: NotificationSent) => void;
  'new-notification': (payload: NewNotification) => void;
  'notification-read': (payload: NotificationRead) => void;
  'notifications-read-all': (payload: NotificationsReadAll) => void;
  'notification-removed': (payload: NotificationRemoved) => void;
  'notification-preferences-changed': (payload: PreferencesChanged) => void;
  'file-upload-progress': (payload: FileUploadProgress) => void;
  'room-removed': (payload: RoomRemoved) => void;
  'study-group-created': (payload: StudyGroupCreated) => void;
  'study-group-available': (payload: StudyGroupAvailable) => void;
  'study-group-joined': (payload: StudyGroupJoined) => void;
  'study-group-member-joined': (payload: StudyGroupMemberJoined) => void;
  'study-group-left': (payload: StudyGroupLeft) => void;
  'study-group-member-left': (payload: StudyGroupMemberLeft) => void;
  'study-group-deleted': (payload: StudyGroupDeleted) => void;
  'heartbeat-ack': (payload: HeartbeatAck) => void;
  'token-expiring': (payload: TokenExpiring) => void;
  'error': (payload: ErrorEvent) => void;
  'resync-required': (payload: ResyncRequired) => void;
  'server-closing': (payload: ServerClosing) => void;
}
