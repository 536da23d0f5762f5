import { createClient, type RealtimeClient, type Role } from '@sinaesta/realtime';

/** Somebody whom the demo lets one be. */
export interface DemoPerson {
  id: string;
  name: string;
  role: Role;
  specialty: string | null;
}

/** In the tab alone, so that two tabs may be two people. */
const KEY = 'sinaesta-demo';

export type Session = { userId: string } | { token: string };

export const session = {
  read(): Session | null {
    const kept = sessionStorage.getItem(KEY);
    return kept === null ? null : (JSON.parse(kept) as Session);
  },
  write: (value: Session) => sessionStorage.setItem(KEY, JSON.stringify(value)),
  clear: () => sessionStorage.removeItem(KEY),
};

/** `null`: this server has no demo. */
export async function people(): Promise<DemoPerson[] | null> {
  const response = await fetch('/api/demo/people');
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`status ${response.status}`);
  return ((await response.json()) as { people: DemoPerson[] }).people;
}

export function clientFor(who: Session): RealtimeClient {
  return createClient({
    async getToken() {
      if ('token' in who) return who.token;
      const response = await fetch('/api/demo/sign-in', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ userId: who.userId }),
      });
      if (!response.ok) throw new Error(`status ${response.status}`);
      return ((await response.json()) as { token: string }).token;
    },
  });
}
