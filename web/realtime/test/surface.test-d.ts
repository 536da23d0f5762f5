/** The public surface: what the feature document names, with the types that it names. */
import { describe, expectTypeOf, it } from 'vitest';
import type { Answer, ChatMessage, ExamSession, LeaderboardEntry, Notification, UserRank } from '../src/contract.ts';
import { createClient, plainText, type RealtimeError, socketService } from '../src/core/index.ts';
import {
  useChat,
  useLeaderboard,
  type useNotifications,
  type useRealtimeExam,
  type useStudyGroups,
  type useWebSocket,
} from '../src/react/index.ts';

describe('hooks', () => {
  it('useWebSocket', () => {
    const connection = {} as ReturnType<typeof useWebSocket>;
    expectTypeOf(connection.isConnected).toEqualTypeOf<boolean>();
    expectTypeOf(connection.connectionError).toEqualTypeOf<RealtimeError | null>();
    expectTypeOf(connection.reconnect).toEqualTypeOf<() => void>();
  });

  it('useChat', () => {
    expectTypeOf(useChat).parameters.toEqualTypeOf<[roomId: string]>();
    const chat = {} as ReturnType<typeof useChat>;
    expectTypeOf(chat.messages[0]?.message).toEqualTypeOf<string | undefined>();
    expectTypeOf(chat.messages[0]?.format).toEqualTypeOf<'text' | 'html' | undefined>();
    expectTypeOf(plainText).toBeCallableWith({} as ChatMessage);
    expectTypeOf(chat.typingUsers[0]?.userName).toEqualTypeOf<string | undefined>();
    expectTypeOf(chat.onlineUsers[0]?.userId).toEqualTypeOf<string | undefined>();
    expectTypeOf(chat.isJoined).toEqualTypeOf<boolean>();
    expectTypeOf(chat.sendMessage).toBeCallableWith('Halo');
    expectTypeOf(chat.sendTypingIndicator).toBeCallableWith(true);
    expectTypeOf(chat.markAsRead).toBeCallableWith('id');
    // @ts-expect-error a message is text
    chat.sendMessage(7);
  });

  it('useRealtimeExam', () => {
    const exam = {} as ReturnType<typeof useRealtimeExam>;
    expectTypeOf(exam.session).toEqualTypeOf<ExamSession | null>();
    expectTypeOf(exam.participantCount).toEqualTypeOf<number>();
    expectTypeOf(exam.isJoined).toEqualTypeOf<boolean>();
    expectTypeOf(exam.lastSaved).toEqualTypeOf<Date | null>();
    expectTypeOf(exam.updateProgress).toBeCallableWith(3, 3_600, [1, null, [0, 2]]);
    expectTypeOf(exam.saveAnswer).parameter(1).toEqualTypeOf<Answer | null>();
    expectTypeOf(exam.completeExam).toBeCallableWith();
  });

  it('useLeaderboard', () => {
    expectTypeOf(useLeaderboard).toBeCallableWith('weekly', 'Cardiology');
    // @ts-expect-error there is no such period
    useLeaderboard('yearly');
    const board = {} as ReturnType<typeof useLeaderboard>;
    expectTypeOf(board.entries).toEqualTypeOf<readonly LeaderboardEntry[]>();
    expectTypeOf(board.userRank).toEqualTypeOf<UserRank | null>();
    expectTypeOf(board.isLoading).toEqualTypeOf<boolean>();
    expectTypeOf(board.lastUpdated).toEqualTypeOf<Date | null>();
    expectTypeOf(board.refresh).toEqualTypeOf<() => void>();
  });

  it('useNotifications', () => {
    const inbox = {} as ReturnType<typeof useNotifications>;
    expectTypeOf(inbox.notifications).toEqualTypeOf<readonly Notification[]>();
    expectTypeOf(inbox.unreadCount).toEqualTypeOf<number>();
    expectTypeOf(inbox.markAsRead).toBeCallableWith('id');
    expectTypeOf(inbox.markAllAsRead).toBeCallableWith();
    expectTypeOf(inbox.sendNotification).toBeCallableWith({
      type: 'EXAM_UPDATE',
      title: 'Exam Starting Soon',
      message: 'Your exam starts in 5 minutes',
      priority: 'high',
      actionUrl: '/exams/123',
    });
  });

  it('useStudyGroups', () => {
    const groups = {} as ReturnType<typeof useStudyGroups>;
    expectTypeOf(groups.groups[0]?.member_count).toEqualTypeOf<number | undefined>();
    expectTypeOf(groups.create).toBeCallableWith({ name: 'Cardiology', maxMembers: 10, isPublic: true });
  });
});

describe('the core', () => {
  it('knows what each event takes and gives', () => {
    const client = createClient();
    expectTypeOf(client.emit<'send-message'>).returns.resolves.toMatchObjectType<{ message: ChatMessage }>();
    expectTypeOf(client.emit<'join-room'>)
      .parameter(1)
      .toEqualTypeOf<{ roomId: string; sinceSeq?: number }>();
    // @ts-expect-error there is no such event
    void client.emit('send-massage', {});
    client.on('receive-message', (message) => expectTypeOf(message).toEqualTypeOf<ChatMessage>());
  });

  it('has the documented service', () => {
    expectTypeOf(socketService.connect).toBeCallableWith('token');
    expectTypeOf(socketService.sendMessage).toBeCallableWith('mentor:user-123', 'I need help with this topic');
    socketService.on('receive-message', (msg) => expectTypeOf(msg.sender_name).toEqualTypeOf<string>());
    expectTypeOf(socketService.createStudyGroup).toBeCallableWith({ name: 'Cardiology Study Group', maxMembers: 10 });
    expectTypeOf(socketService.joinStudyGroup).toBeCallableWith('id');
    expectTypeOf(socketService.sendStudyGroupMessage).toBeCallableWith('id', 'Hello everyone!');
  });
});
