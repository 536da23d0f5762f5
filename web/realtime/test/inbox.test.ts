import { describe, expect, it, vi } from 'vitest';
import type { Notification } from '../src/contract.ts';
import { connected, ME } from './world.ts';

function notification(id: string, more: Partial<Notification> = {}): Notification {
  return {
    id,
    user_id: ME,
    type: 'SYSTEM',
    title: id,
    message: 'x',
    data: null,
    is_read: false,
    priority: 'normal',
    action_url: null,
    created_at: '2026-11-23T10:00:00.000Z',
    updated_at: '2026-11-23T10:00:00.000Z',
    count: 1,
    ...more,
  };
}

async function open() {
  const world = await connected();
  await world.tell('notifications-snapshot', { notifications: [notification('a')], unreadCount: 1, version: 5 });
  const { inbox } = world.client;
  return { world, inbox, now: () => inbox.snapshot.get(), fresh: { unread_count: 2, version: 6, is_silent: false } };
}

describe('the inbox', () => {
  it('takes a count only from something newer', async () => {
    const { world, now, fresh } = await open();
    await world.tell('new-notification', { ...notification('b'), ...fresh });
    await world.tell('notification-read', { notificationId: 'a', unreadCount: 1, version: 7 });
    expect(now().unreadCount).toBe(1);
    await world.tell('new-notification', { ...notification('b'), ...fresh });
    expect(now().unreadCount).toBe(1);
    await world.tell('notifications-snapshot', { notifications: [notification('a')], unreadCount: 9, version: 4 });
    expect(now().unreadCount).toBe(1);
    expect(now().notifications.find((one) => one.id === 'a')?.is_read).toBe(true);
  });

  it('shows what was read before it was heard of as read', async () => {
    const { world, now, fresh } = await open();
    await world.tell('notification-read', { notificationId: 'b', unreadCount: 1, version: 7 });
    await world.tell('new-notification', { ...notification('b'), ...fresh });
    expect(now().notifications.find((one) => one.id === 'b')?.is_read).toBe(true);
  });

  it('reads all that was said up to a version, and nothing newer', async () => {
    const { world, now, fresh } = await open();
    await world.tell('new-notification', { ...notification('c'), ...fresh, version: 9 });
    await world.tell('notifications-read-all', { unreadCount: 1, version: 8, readUpToVersion: 8 });
    await world.tell('new-notification', { ...notification('b'), ...fresh, version: 6 });
    const read = Object.fromEntries(now().notifications.map((one) => [one.id, one.is_read]));
    expect(read).toEqual({ a: true, b: true, c: false });
  });

  it('calls out each once, and again when it says something new', async () => {
    const { world, inbox, fresh } = await open();
    const heard = vi.fn();
    inbox.onNew((one, { isSilent }) => heard(one.id, one.count, isSilent));
    await world.tell('new-notification', { ...notification('b'), ...fresh });
    await world.tell('new-notification', { ...notification('b'), ...fresh });
    const updated_at = '2026-11-23T10:01:00.000Z';
    await world.tell('new-notification', {
      ...notification('b', { count: 2, updated_at }),
      ...fresh,
      version: 7,
      is_silent: true,
    });
    expect(heard.mock.calls).toEqual([
      ['b', 1, false],
      ['b', 2, true],
    ]);
  });

  it('forgets what was removed', async () => {
    const { world, now } = await open();
    await world.tell('notification-removed', { notificationId: 'a', unreadCount: 0, version: 6 });
    expect(now()).toMatchObject({ notifications: [], unreadCount: 0 });
  });
});
