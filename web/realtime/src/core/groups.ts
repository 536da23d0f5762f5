import type { CreateGroup, StudyGroup } from '../contract.ts';
import type { Connection } from './connection.ts';
import { asRealtimeError, type RealtimeError } from './errors.ts';
import { createStore, type Store } from './store.ts';

export interface GroupFilter {
  specialty?: string | undefined;
  query?: string | undefined;
  mine?: boolean | undefined;
}

export interface GroupsSnapshot {
  groups: readonly StudyGroup[];
  isLoading: boolean;
  hasMore: boolean;
  error: RealtimeError | null;
}

/** A list of study groups, kept as it is now while it is open. */
export interface Groups {
  snapshot: Store<GroupsSnapshot>;
  loadMore(): Promise<void>;
  create(group: CreateGroup): Promise<StudyGroup>;
  join(groupId: string): Promise<StudyGroup>;
  leave(groupId: string): Promise<void>;
  invite(groupId: string, userId: string): Promise<void>;
  removeMember(groupId: string, userId: string): Promise<void>;
  close(): void;
}

export function createGroups(connection: Connection, filter: GroupFilter, me: () => string | null): Groups {
  const snapshot = createStore<GroupsSnapshot>({ groups: [], isLoading: true, hasMore: false, error: null });
  const patch = (to: Partial<GroupsSnapshot>) => snapshot.update((now) => ({ ...now, ...to }));
  const put = (group: StudyGroup) => {
    const { groups } = snapshot.get();
    const isKnown = groups.some((one) => one.id === group.id);
    patch({ groups: isKnown ? groups.map((one) => (one.id === group.id ? group : one)) : [group, ...groups] });
  };
  const drop = (id: string) => patch({ groups: snapshot.get().groups.filter((one) => one.id !== id) });
  const change = (id: string, to: (group: StudyGroup) => StudyGroup) =>
    patch({ groups: snapshot.get().groups.map((one) => (one.id === id ? to(one) : one)) });
  const text = (value: string | undefined) => (value?.trim() ? value.trim() : undefined);
  const wanted = {
    ...(text(filter.specialty) === undefined ? {} : { specialty: text(filter.specialty) }),
    ...(text(filter.query) === undefined ? {} : { query: text(filter.query) }),
    ...(filter.mine ? { mine: true } : {}),
  };
  const belongs = (group: StudyGroup) =>
    (wanted.specialty === undefined || group.specialty === wanted.specialty) &&
    (wanted.query === undefined ||
      `${group.name} ${group.description ?? ''}`.toLowerCase().includes(wanted.query.toLowerCase())) &&
    (!wanted.mine || group.members.some((id) => id === me()));

  async function load(before?: string) {
    try {
      const page = await connection.emit('study-group-list', {
        ...wanted,
        ...(before === undefined ? {} : { before }),
        watch: true,
      });
      const groups = before === undefined ? page.groups : [...snapshot.get().groups, ...page.groups];
      patch({ groups, hasMore: page.hasMore, isLoading: false, error: null });
    } catch (reason) {
      patch({ error: asRealtimeError(reason), isLoading: false });
    }
  }

  const stop = [
    connection.onConnected(() => void load()),
    connection.on('study-group-available', (group) => belongs(group) && put(group)),
    connection.on('study-group-deleted', ({ groupId }) => drop(groupId)),
    connection.on('study-group-member-joined', ({ groupId, userId, memberCount }) =>
      change(groupId, (one) => ({
        ...one,
        member_count: memberCount,
        members: [...one.members.filter((id) => id !== userId), userId],
      })),
    ),
    connection.on('study-group-member-left', ({ groupId, userId, memberCount, creatorId }) =>
      change(groupId, (one) => ({
        ...one,
        creator_id: creatorId,
        member_count: memberCount,
        members: one.members.filter((id) => id !== userId),
      })),
    ),
  ];

  return {
    snapshot,
    loadMore: () => load(snapshot.get().groups.at(-1)?.id),
    async create(group) {
      const { ok: _, ...created } = await connection.emit('study-group-create', group);
      put(created);
      return created;
    },
    async join(groupId) {
      const { group } = await connection.emit('study-group-join', { groupId });
      put(group);
      return group;
    },
    async leave(groupId) {
      await connection.emit('study-group-leave', { groupId });
      if (wanted.mine) drop(groupId);
      else await load();
    },
    async invite(groupId, userId) {
      await connection.emit('study-group-invite', { groupId, userId });
    },
    async removeMember(groupId, userId) {
      await connection.emit('study-group-remove', { groupId, userId });
    },
    close() {
      for (const end of stop) end();
    },
  };
}
