/** What a page shows, on Mantine: within a `MantineProvider`, an `I18nextProvider` and a `RealtimeProvider`. */
import './global.css';

export { Chat, type ChatProps } from './chat/chat.tsx';
export { ConnectionStatus } from './connection-status.tsx';
export { ExamRoom, type ExamRoomProps } from './exam/exam-room.tsx';
export { StudyGroups, type StudyGroupsProps } from './groups/study-groups.tsx';
export { LiveLeaderboard, type LiveLeaderboardProps } from './leaderboard/live-leaderboard.tsx';
export { MessageText } from './message-text.tsx';
export { NotificationBell, type NotificationBellProps, NotificationList } from './notifications/notification-bell.tsx';
export { follow } from './notifications/notification-item.tsx';
export { NotificationPreferences } from './notifications/notification-preferences.tsx';
export { EmptyState, ErrorState, Person, When } from './pieces.tsx';
export { createTexts, type Language, useTexts } from './texts/index.ts';
export { cssVariables, theme } from './theme.ts';
