import { io } from 'socket.io-client';

export interface TransportHandlers {
  onOpen(): void;
  /** The connection is gone; `byServer`: the server ended it. */
  onClose(byServer: boolean): void;
  /** No connection came about; of a refused handshake, `message` is the server's. */
  onRefused(message: string): void;
  onEvent(name: string, payload: unknown): void;
}

/** One connection, opened anew as often as it takes. It never reconnects by itself. */
export interface Transport {
  open(token: string): void;
  close(): void;
  /** `reply` gets the acknowledgement, once, or never. */
  send(event: string, payload: unknown, reply: (acknowledgement: unknown) => void): void;
}

export type CreateTransport = (url: string | undefined, handlers: TransportHandlers) => Transport;

/** Over WebSocket, else long-polling. `url`: the page's own origin when left out. */
export const socketIo: CreateTransport = (url, handlers) => {
  let token = '';
  const options = {
    autoConnect: false,
    reconnection: false,
    forceNew: true,
    transports: ['websocket', 'polling'],
    tryAllTransports: true,
    auth: (give: (data: object) => void) => give({ token }),
  };
  const socket = url === undefined ? io(options) : io(url, options);
  socket.on('connect', handlers.onOpen);
  socket.on('disconnect', (reason) => handlers.onClose(reason === 'io server disconnect'));
  socket.on('connect_error', (error) => handlers.onRefused(error.message));
  socket.onAny((name: string, payload: unknown) => handlers.onEvent(name, payload));
  return {
    open(next) {
      token = next;
      socket.connect();
    },
    close: () => void socket.disconnect(),
    send: (event, payload, reply) => void socket.emit(event, payload, reply),
  };
};
