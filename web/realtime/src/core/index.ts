/** Sinaesta's real-time platform, without any framework. */
export type * from '../contract.ts';
export { backoffMs } from './backoff.ts';
export type { Board, BoardKey, BoardSnapshot } from './boards.ts';
export { type ClientOptions, createClient, type RealtimeClient, type RealtimeUser } from './client.ts';
export type { ConnectionSnapshot, ConnectionState, EventName, PayloadOf, ReplyOf, TokenReason } from './connection.ts';
export { browserEnvironment, type Environment } from './environment.ts';
export { type ClientErrorCode, isTransient, RealtimeError } from './errors.ts';
export type { AnswerState, AnswerStatus, ExamSitting, ExamSnapshot } from './exam.ts';
export type { GroupFilter, Groups } from './groups.ts';
export type { UploadedFile, UploadOptions } from './http.ts';
export type { Inbox, InboxSnapshot } from './inbox.ts';
export { browserJournal, type Journal, memoryJournal } from './journal.ts';
export type { ExamMonitor, MonitorSnapshot } from './monitor.ts';
export type { Outbox, Pending } from './outbox.ts';
export type { Room, RoomSnapshot } from './room.ts';
export { createSocketService, type SocketService, socketService } from './socket-service.ts';
export type { Store } from './store.ts';
export { type CreateTransport, socketIo, type Transport, type TransportHandlers } from './transport.ts';
