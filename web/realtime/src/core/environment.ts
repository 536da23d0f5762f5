/** What the core takes from where it runs; tests give their own. */
export interface Environment {
  /** Milliseconds since 1970 by this machine's clock, which may be wrong. */
  now(): number;
  /** Milliseconds since some moment; never set back. */
  monotonic(): number;
  /** 0 up to, but not including, 1. */
  random(): number;
  uuid(): string;
  setTimeout(callback: () => void, ms: number): () => void;
  isOnline(): boolean;
  /** Calls back when the machine may have gained or lost its network, or the page came to the front. */
  onChange(callback: () => void): () => void;
}

export function browserEnvironment(): Environment {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    random: () => Math.random(),
    uuid,
    setTimeout(callback, ms) {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
    isOnline: () => typeof navigator === 'undefined' || navigator.onLine !== false,
    onChange(callback) {
      if (typeof window === 'undefined') return () => {};
      const controller = new AbortController();
      const { signal } = controller;
      for (const name of ['online', 'offline']) window.addEventListener(name, callback, { signal });
      document.addEventListener('visibilitychange', callback, { signal });
      return () => controller.abort();
    },
  };
}

/** A random uuid, also where the page did not come over https. */
function uuid(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
