import { useEffect, useMemo } from 'react';
import type { Pending, RealtimeUser } from '../core/index.ts';
import { useClient, useStore, useUser } from './context.ts';
import type { TimelineMessage, UseChat } from './types.ts';

/** A room: joined while the connection is up, and brought up to date whenever it came back. */
export function useChat(roomId: string): UseChat {
  const client = useClient();
  const user = useUser();
  const room = useMemo(() => client.rooms.open(roomId), [client, roomId]);
  const state = useStore(room.snapshot);
  const pending = useStore(client.outbox.pending);
  // Whoever was removed and let in again finds the room closed.
  useEffect(() => void client.rooms.open(roomId), [client, roomId]);

  const messages = useMemo((): TimelineMessage[] => {
    const stored = state.messages.map((one): TimelineMessage => ({ ...one, delivery: 'sent', error: null }));
    const known = new Set(state.messages.map((one) => one.client_message_id));
    const own = pending.filter((one) => one.roomId === roomId && !known.has(one.clientMessageId));
    return [...stored, ...own.map((one) => asMessage(one, user))];
  }, [state.messages, pending, roomId, user]);

  return useMemo(
    () => ({
      messages,
      typingUsers: state.typing,
      onlineUsers: state.members.filter((one) => one.status !== 'offline'),
      isJoined: state.isJoined,
      sendMessage(message, { messageType, file, replyTo } = {}) {
        client.outbox.add({
          roomId,
          message,
          ...(messageType === undefined ? {} : { messageType }),
          ...(replyTo === undefined ? {} : { replyTo }),
          ...(file === undefined ? {} : { fileUrl: file.fileUrl, fileName: file.fileName, fileSize: file.fileSize }),
        });
        room.setTyping(false);
      },
      sendTypingIndicator: room.setTyping,
      markAsRead: room.markRead,
      members: state.members,
      error: state.error,
      hasOlder: state.hasOlder,
      isLoadingOlder: state.isLoadingOlder,
      loadOlder: room.loadOlder,
      lastReadSeq: state.lastReadSeq,
      readUpTo: state.readUpTo,
      retry: client.outbox.retry,
      discard: client.outbox.discard,
      edit: async (messageId, message) => void (await client.emit('message-edit', { messageId, message })),
      remove: async (messageId) => void (await client.emit('message-remove', { messageId })),
      react: async (messageId, emoji, on = true) => void (await client.emit('message-react', { messageId, emoji, on })),
      thread: (messageId) => client.emit('message-thread', { messageId }),
      search: (query, beforeSeq) =>
        client.emit('message-search', { roomId, query, ...(beforeSeq === undefined ? {} : { beforeSeq }) }),
      mute: async (userId, minutes, reason) =>
        void (await client.emit('mute-user', { roomId, userId, minutes, ...(reason === undefined ? {} : { reason }) })),
      mutedUntil: state.mutedUntil,
      upload: client.http.upload,
    }),
    [client, room, roomId, state, messages],
  );
}

function asMessage(one: Pending, user: RealtimeUser | null): TimelineMessage {
  const { payload } = one;
  return {
    id: one.clientMessageId,
    room_id: one.roomId,
    seq: null,
    sender_id: user?.id ?? '',
    sender_name: user?.name ?? '',
    sender_avatar: null,
    // As it was typed: what of it is markup, the server says.
    message: payload.message,
    format: 'text',
    message_type: payload.messageType ?? 'text',
    file_url: payload.fileUrl ?? null,
    file_name: payload.fileName ?? null,
    file_size: payload.fileSize ?? null,
    is_read: false,
    client_message_id: one.clientMessageId,
    reply_to: payload.replyTo ?? null,
    created_at: one.createdAt,
    delivery: one.state,
    error: one.error,
  };
}
