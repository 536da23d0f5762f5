import type { CreateGroup, SendMessage, ServerToClientEvents, StudyGroup } from '../contract.ts';
import { type ClientOptions, createClient, type RealtimeClient } from './client.ts';

/** The platform's one connection as its feature document has it: a thin face of a {@link RealtimeClient}. */
export interface SocketService {
  /** What the hooks use when there is no provider. */
  client: RealtimeClient;
  /** Before connecting: with other options than the defaults. */
  configure(options: ClientOptions): void;
  connect(accessToken: string): void;
  disconnect(): void;
  isConnected(): boolean;
  on<E extends keyof ServerToClientEvents>(event: E, handler: ServerToClientEvents[E]): () => void;
  off<E extends keyof ServerToClientEvents>(event: E, handler: ServerToClientEvents[E]): void;
  joinRoom(roomId: string): void;
  leaveRoom(roomId: string): Promise<void>;
  /** Shown and sent as soon as there is a connection; stored once however often it is sent. */
  sendMessage(
    roomId: string,
    message: string,
    options?: Omit<SendMessage, 'roomId' | 'message' | 'clientMessageId'>,
  ): void;
  sendTypingIndicator(roomId: string, isTyping: boolean): void;
  createStudyGroup(group: CreateGroup): Promise<StudyGroup>;
  joinStudyGroup(groupId: string): Promise<StudyGroup>;
  leaveStudyGroup(groupId: string): Promise<void>;
  sendStudyGroupMessage(groupId: string, message: string): void;
}

export function createSocketService(): SocketService {
  const handlers = new Map<unknown, () => void>();
  const service: SocketService = {
    client: createClient(),
    configure(options) {
      service.client.disconnect();
      service.client = createClient(options);
    },
    connect: (accessToken) => service.client.connect(accessToken),
    disconnect: () => service.client.disconnect(),
    isConnected: () => service.client.connection.get().state === 'connected',
    on(event, handler) {
      const stop = service.client.on(event, handler);
      handlers.set(handler, stop);
      return stop;
    },
    off(_, handler) {
      handlers.get(handler)?.();
      handlers.delete(handler);
    },
    joinRoom: (roomId) => void service.client.rooms.open(roomId),
    leaveRoom: (roomId) => service.client.rooms.leave(roomId),
    sendMessage: (roomId, message, options = {}) => service.client.outbox.add({ roomId, message, ...options }),
    sendTypingIndicator: (roomId, isTyping) => service.client.rooms.open(roomId).setTyping(isTyping),
    async createStudyGroup(group) {
      const { ok: _, ...created } = await service.client.emit('study-group-create', group);
      return created;
    },
    joinStudyGroup: async (groupId) => (await service.client.emit('study-group-join', { groupId })).group,
    async leaveStudyGroup(groupId) {
      await service.client.emit('study-group-leave', { groupId });
    },
    sendStudyGroupMessage: (groupId, message) =>
      service.client.outbox.add({ roomId: `study-group:${groupId}`, message }),
  };
  return service;
}

export const socketService: SocketService = createSocketService();
