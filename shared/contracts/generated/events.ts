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
  /** The server has more work than it can take from this socket right now. */
  | 'server/busy'
  /** No answer in time: whether it took effect is not known; repeat with the same `clientMessageId`. */
  | 'server/timeout'
  /** The message broker can't be reached. */
  | 'server/unavailable'
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
  /** The message replied to is not in this room. */
  | 'chat/reply-not-found';

/** A new token for this connection, before the old one expires. */
export type AuthRefresh = {
  token: string;
};

/** The acknowledgement of `AuthRefresh`. */
export type AuthRefreshed = {
  expiresAt: Timestamp;
};

/** Text of one character at the least, and no more than each use of it says (`MAX`). */
export type BoundedText = string;

/** A message as clients see it. */
export type ChatMessage = {
  id: MessageId;
  room_id: RoomId;
  /** 1, 2, 3 … in its room: no gaps, no repeats, the order everyone sees. */
  seq: number;
  sender_id: UserId;
  sender_name: string;
  sender_avatar: string | null;
  /** Sanitised: either plain text that HTML parsing leaves as it is, or HTML of the allowed elements. */
  message: string;
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
};

/** What a user may choose; being offline is not chosen. */
export type ChosenStatus = "online" | "away" | "busy" | "dnd";

/** What a client may send: `system` is not from clients. */
export type ClientMessageType = "text" | "image" | "file";

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
};

/** Is the server there? Answered by `HeartbeatAck`. */
export type Heartbeat = Record<string, never>;

/** The answer to `Heartbeat`. */
export type HeartbeatAck = {
  /** The server's clock when it answered. */
  serverTime: Timestamp;
};

/** How many messages a page has: 1 to 100. */
export type HistoryLimit = number;

/** A page of messages, oldest first. */
export type HistoryPage = {
  messages: Array<ChatMessage>;
  hasMore: boolean;
};

/** Enters a room. */
export type JoinRoom = {
  roomId: RoomId;
  /** The last `seq` this client has: everything after it is brought, instead of the latest messages. */
  sinceSeq?: number;
};

/** Leaves a room. */
export type LeaveRoom = {
  roomId: RoomId;
};

/** Marks everything up to a message read. */
export type MarkMessageRead = {
  messageId: MessageId;
};

/** Asks for a page of a room's messages: the latest, or those before a `seq`. */
export type MessageHistory = {
  roomId: RoomId;
  beforeSeq?: number;
  /** 1 to 100; 50 when left out. */
  limit?: HistoryLimit;
};

/** A chat message's id: the id of the command that posted it. */
export type MessageId = string;

/** Somebody has read up to a message. */
export type MessageRead = {
  messageId: MessageId;
  roomId: RoomId;
  readBy: UserId;
  readUpToSeq: number;
};

/** The acknowledgement of `SendMessage`: the message as it was stored. */
export type MessageSent = {
  message: ChatMessage;
};

/** What a message carries. */
export type MessageType = "text" | "image" | "file" | "system";

/** `receive-message`: a message in a room the socket has joined. */
export type ReceiveMessage = ChatMessage;

/** This socket may have missed something in the room: `join-room` with `sinceSeq` brings it. */
export type ResyncRequired = {
  roomId: RoomId;
};

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

/** Somebody in a room, as `room-joined` lists them. */
export type RoomMember = {
  userId: UserId;
  userName: string;
  status: Status;
};

/** Posts a message. */
export type SendMessage = {
  roomId: RoomId;
  /** May hold HTML; it is sanitised. The bound on what arrives is wider than the one after sanitising. */
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

/** The server is about to close: reconnect, and be served by another or by its successor. */
export type ServerClosing = {
  /** Come back at a random moment within so many milliseconds: spreads the return of many clients. */
  reconnectAfterMs: number;
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

/** A point in time, written as `2026-01-02T03:04:05.678Z`. */
export type Timestamp = string;

/** The connection's token is about to expire: send `AuthRefresh`. */
export type TokenExpiring = {
  expiresAt: Timestamp;
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
  'set-status': (payload: SetStatus, ack: (ack: Ack<StatusSet>) => void) => void;
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
  'user-status-change': (payload: UserStatusChange) => void;
  'heartbeat-ack': (payload: HeartbeatAck) => void;
  'token-expiring': (payload: TokenExpiring) => void;
  'error': (payload: ErrorEvent) => void;
  'resync-required': (payload: ResyncRequired) => void;
  'server-closing': (payload: ServerClosing) => void;
}
