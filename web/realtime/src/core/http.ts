import type { ErrorBody } from '../contract.ts';
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

export function createHttp(base: string, token: () => Promise<string>): Http {
  const absolute = (path: string) => (path.startsWith('/') ? base + path : path);
  async function send(method: string, path: string, body?: unknown, contentType?: string): Promise<Response> {
    const headers: Record<string, string> = { authorization: `Bearer ${await token()}` };
    const init: RequestInit = { method, headers };
    if (body !== undefined) {
      headers['content-type'] = contentType ?? 'application/json';
      init.body = contentType === undefined ? JSON.stringify(body) : String(body);
    }
    const response = await fetch(absolute(path), init).catch((error: unknown) => {
      throw new RealtimeError({ code: 'client/offline', message: String(error) });
    });
    if (!response.ok) throw problem(response.status, await response.text());
    return response;
  }
  return {
    async request<T>(method: string, path: string, body?: unknown, contentType?: string) {
      const response = await send(method, path, body, contentType);
      return (response.status === 204 ? undefined : await response.json()) as T;
    },
    file: async (url) => (await send('GET', url)).blob(),
    async upload(file, { onProgress, signal } = {}) {
      const bearer = await token();
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
        request.onload = () => {
          if (request.status === 201) resolve(JSON.parse(request.responseText));
          else reject(problem(request.status, request.responseText));
        };
        signal?.addEventListener('abort', () => request.abort());
        request.open('POST', absolute('/api/files'));
        request.setRequestHeader('authorization', `Bearer ${bearer}`);
        request.send(form);
      });
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
