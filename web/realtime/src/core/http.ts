import type { ErrorBody } from '../contract.ts';
import { OTHER_TOKEN_MS } from './connection.ts';
import type { Environment } from './environment.ts';
import { RealtimeError } from './errors.ts';

export interface UploadedFile {
  id: string;
  fileUrl: string;
  fileName: string;
  /** Bytes. */
  fileSize: number;
  contentType: string;
  width: number | null;
  height: number | null;
  thumbnailUrl: string | null;
  createdAt: string;
}

export interface UploadOptions {
  /** Called with the share that has been sent, 0 to 1. */
  onProgress?: (share: number) => void;
  signal?: AbortSignal;
}

export interface Http {
  /** Rejects with a {@link RealtimeError}. A body is sent as JSON; a text as it is, where its type is given. */
  request<T>(method: string, path: string, body?: unknown, contentType?: string): Promise<T>;
  upload(file: File, options?: UploadOptions): Promise<UploadedFile>;
  /** A file of ours, which takes the user's token: pages show it by an object URL. */
  file(url: string): Promise<Blob>;
}

/** `token` gives another one than the one that is `refused`, or rejects. */
export function createHttp(base: string, environment: Environment, token: (refused?: string) => Promise<string>): Http {
  const absolute = (path: string) => (path.startsWith('/') ? base + path : path);
  /** Asks again with another token where one is refused: it has expired, or was revoked. */
  async function signedIn<T extends { status: number }>(ask: (token: string) => Promise<T>): Promise<T> {
    let bearer = await token();
    let answer = await ask(bearer);
    for (const wait of OTHER_TOKEN_MS) {
      if (answer.status !== 401) return answer;
      if (wait > 0) await new Promise<void>((resolve) => environment.setTimeout(resolve, wait));
      const other = await token(bearer).catch(() => null);
      if (other === null) return answer;
      bearer = other;
      answer = await ask(bearer);
    }
    return answer;
  }
  async function send(method: string, path: string, body?: unknown, contentType?: string): Promise<Response> {
    const headers: Record<string, string> = {};
    const init: RequestInit = { method, headers };
    if (body !== undefined) {
      headers['content-type'] = contentType ?? 'application/json';
      init.body = contentType === undefined ? JSON.stringify(body) : String(body);
    }
    const response = await signedIn((bearer) => {
      headers.authorization = `Bearer ${bearer}`;
      return fetch(absolute(path), init).catch((error: unknown) => {
        throw new RealtimeError({ code: 'client/offline', message: String(error) });
      });
    });
    if (!response.ok) throw problem(response.status, await response.text());
    return response;
  }
  function post(file: File, bearer: string, { onProgress, signal }: UploadOptions): Promise<XMLHttpRequest> {
    // Unlike `fetch`, this one says how much has been sent.
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append('file', file, file.name);
    return new Promise((resolve, reject) => {
      const fail = (code: 'client/offline' | 'client/aborted', message: string) =>
        reject(new RealtimeError({ code, message }));
      request.upload.onprogress = ({ loaded, total }) => onProgress?.(total > 0 ? loaded / total : 0);
      request.onerror = () => fail('client/offline', 'The upload broke off');
      request.onabort = () => fail('client/aborted', 'The upload was cancelled');
      request.onload = () => resolve(request);
      signal?.addEventListener('abort', () => request.abort());
      request.open('POST', absolute('/api/files'));
      request.setRequestHeader('authorization', `Bearer ${bearer}`);
      request.send(form);
    });
  }
  return {
    async request<T>(method: string, path: string, body?: unknown, contentType?: string) {
      const response = await send(method, path, body, contentType);
      return (response.status === 204 ? undefined : await response.json()) as T;
    },
    file: async (url) => (await send('GET', url)).blob(),
    async upload(file, options = {}) {
      const { status, responseText } = await signedIn((bearer) => post(file, bearer, options));
      if (status !== 201) throw problem(status, responseText);
      return JSON.parse(responseText) as UploadedFile;
    },
  };
}

function problem(status: number, text: string): RealtimeError {
  try {
    const { error } = JSON.parse(text) as { error: ErrorBody };
    return new RealtimeError(error);
  } catch {
    return new RealtimeError({ code: 'http/failed', message: `The server answered with status ${status}` });
  }
}
