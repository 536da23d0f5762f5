import type { ErrorBody, ErrorCode } from '../contract.ts';

/** Failures that no server has told: there was none to ask, or it did not answer. */
export type ClientErrorCode =
  | 'client/offline'
  | 'client/closed'
  | 'client/timeout'
  | 'client/aborted'
  | 'client/no-token';

/** Why something failed. `code` is for programs, `message` for people, in English. */
export class RealtimeError extends Error {
  override readonly name = 'RealtimeError';
  readonly code: ErrorCode | ClientErrorCode | 'http/failed';
  /** The field that is at fault. */
  readonly field: string | undefined;
  /** Milliseconds until the same may be tried again. */
  readonly retryAfterMs: number | undefined;
  readonly faults: ErrorBody['faults'];

  constructor(body: Omit<ErrorBody, 'code'> & { code: RealtimeError['code'] }) {
    super(body.message);
    this.code = body.code;
    this.field = body.field;
    this.retryAfterMs = body.retryAfterMs;
    this.faults = body.faults;
  }
}

const LATER: ReadonlySet<string> = new Set([
  'client/offline',
  'client/closed',
  'client/timeout',
  'server/busy',
  'server/timeout',
  'server/unavailable',
  'request/rate-limited',
]);

/** Whether the same may succeed when it is sent again: it was not refused, or nobody knows whether it arrived. */
export function isTransient(error: unknown): error is RealtimeError {
  return error instanceof RealtimeError && LATER.has(error.code);
}

export function asRealtimeError(error: unknown): RealtimeError {
  if (error instanceof RealtimeError) return error;
  return new RealtimeError({
    code: 'server/internal',
    message: error instanceof Error ? error.message : String(error),
  });
}
