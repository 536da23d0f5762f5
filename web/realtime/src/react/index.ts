/** React hooks over the core: thin, and each documented by what it gives in `types.ts`. */
export { RealtimeProvider, useClient, useStore, useUser } from './context.ts';
export type * from './types.ts';
export { useChat } from './use-chat.ts';
export { useExamMonitor } from './use-exam-monitor.ts';
export { useFile } from './use-file.ts';
export { useLeaderboard } from './use-leaderboard.ts';
export { useNotifications } from './use-notifications.ts';
export { usePresence } from './use-presence.ts';
export { useRealtimeExam } from './use-realtime-exam.ts';
export { useRooms } from './use-rooms.ts';
export { useStudyGroups } from './use-study-groups.ts';
export { useWebSocket } from './use-websocket.ts';
