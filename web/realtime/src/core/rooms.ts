import type { Connection } from './connection.ts';
import type { Environment } from './environment.ts';
import { RealtimeError } from './errors.ts';
import { createRoom, type Room, type RoomEvents } from './room.ts';

export interface Rooms {
  /** The room, joined; the same object each time. */
  open(roomId: string): Room;
  /** The room if it was opened. */
  find(roomId: string): Room | undefined;
  /** Leaves it for good: it is no longer among the user's rooms. */
  leave(roomId: string): Promise<void>;
}

/** The rooms that this client is in, and each event's way to its room. */
export function createRooms(connection: Connection, environment: Environment, me: () => string | null): Rooms {
  const rooms = new Map<string, RoomEvents>();
  const forEach = (act: (room: RoomEvents) => void) => {
    for (const room of rooms.values()) act(room);
  };
  connection.on('receive-message', (message) => rooms.get(message.room_id)?.receive(message));
  connection.on('message-edited', ({ message }) => rooms.get(message.room_id)?.edited(message));
  connection.on('message-removed', (event) => rooms.get(event.roomId)?.removed(event.messageId, event.removedAt));
  connection.on('message-reactions', (event) => rooms.get(event.roomId)?.reacted(event.messageId, event.reactions));
  connection.on('message-read', (event) => rooms.get(event.roomId)?.read(event.readBy, event.readUpToSeq));
  connection.on('typing-indicator', ({ roomId, isTyping, ...who }) => rooms.get(roomId)?.typed(who, isTyping));
  connection.on('user-joined-room', ({ roomId, ...who }) =>
    rooms.get(roomId)?.moved({ ...who, status: 'online' }, true),
  );
  connection.on('user-left-room', ({ roomId, ...who }) =>
    rooms.get(roomId)?.moved({ ...who, status: 'offline' }, false),
  );
  connection.on('user-status-change', ({ userId, userName, status }) =>
    forEach((room) => {
      const isMember = room.snapshot.get().members.some((one) => one.userId === userId);
      if (isMember) room.moved({ userId, userName, status }, true);
    }),
  );
  connection.on('user-muted', ({ roomId, userId, until }) => {
    if (userId === me()) rooms.get(roomId)?.muted(until);
  });
  connection.on('resync-required', ({ roomId }) => rooms.get(roomId)?.join());
  connection.on('room-removed', ({ roomId }) => {
    const message = 'You are no longer in this room';
    rooms.get(roomId)?.closed(new RealtimeError({ code: 'chat/room-forbidden', message }));
    rooms.delete(roomId);
  });

  return {
    open(roomId) {
      const known = rooms.get(roomId);
      if (known) {
        if (!known.snapshot.get().isJoined) known.join();
        return known;
      }
      const room = createRoom(roomId, connection, environment, me);
      rooms.set(roomId, room);
      return room;
    },
    find: (roomId) => rooms.get(roomId),
    async leave(roomId) {
      await connection.emit('leave-room', { roomId });
      rooms.get(roomId)?.closed(null);
      rooms.delete(roomId);
    },
  };
}
