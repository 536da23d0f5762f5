import { ActionIcon, AppShell, Button, Menu, Text, UnstyledButton, useMantineColorScheme } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import type { ChosenStatus, Notification } from '@sinaesta/realtime';
import { ConnectionStatus, follow, NotificationBell, Person, useTexts } from '@sinaesta/realtime/components';
import { usePresence, useUser } from '@sinaesta/realtime/react';
import {
  IconClipboardText,
  IconDeviceDesktop,
  IconLanguage,
  IconLogout,
  IconMessageCircle,
  IconMoon,
  IconSettings,
  IconSun,
  IconTrophy,
  IconUsers,
} from '@tabler/icons-react';
import { type ReactNode, useCallback } from 'react';
import { Link, NavLink, useNavigate } from 'react-router';
import styles from './shell.module.css';
import { useDemoTexts } from './texts/index.ts';

const LINKS = [
  { to: '/chat', key: 'nav.chat', Icon: IconMessageCircle },
  { to: '/exams', key: 'nav.exams', Icon: IconClipboardText },
  { to: '/leaderboard', key: 'nav.leaderboard', Icon: IconTrophy },
  { to: '/groups', key: 'nav.groups', Icon: IconUsers },
] as const;
const ADMIN = { to: '/admin', key: 'nav.admin', Icon: IconSettings } as const;
const SCHEMES = { light: IconSun, dark: IconMoon, auto: IconDeviceDesktop };
const STATUSES: readonly ChosenStatus[] = ['online', 'away', 'busy', 'dnd'];

/** What stands around every page: the way to the others, the bell, and who one is. */
export function Shell({ onLeave, children }: { onLeave: () => void; children: ReactNode }) {
  const { t, language, setLanguage } = useDemoTexts();
  const navigate = useNavigate();
  const isPhone = useMediaQuery('(max-width: 48em)') ?? false;
  const toast = useCallback(
    ({ id, title, message, priority, action_url }: Notification) => {
      const color = priority === 'urgent' ? 'red' : priority === 'high' ? 'saffron' : 'teal';
      const open = () => follow(action_url, (path) => void navigate(path));
      const autoClose = priority === 'urgent' ? false : 6_000;
      // The same notification, said again, takes the place of what it said before.
      notifications.hide(id);
      const closeButtonProps = { 'aria-label': t('app.close') };
      notifications.show({ id, title, message, color, autoClose, withBorder: true, onClick: open, closeButtonProps });
    },
    [navigate, t],
  );
  const user = useUser();
  const isAdmin = user?.role === 'PROGRAM_ADMIN' || user?.role === 'SUPER_ADMIN';
  const links = [...LINKS, ...(isAdmin ? [ADMIN] : [])].map(({ to, key, Icon }) => (
    <NavLink key={to} to={to} className={styles.link ?? ''}>
      <Icon size={20} stroke={1.7} aria-hidden />
      {t(key)}
    </NavLink>
  ));
  return (
    <AppShell
      header={{ height: 60 }}
      navbar={{ width: 216, breakpoint: 'sm', collapsed: { mobile: true } }}
      footer={{ height: 60, collapsed: !isPhone }}
      padding={0}
    >
      <a className="skip" href="#content">
        {t('app.skip')}
      </a>
      <AppShell.Header>
        <div className={styles.header}>
          <Link to="/chat" className={styles.brand}>
            <img src="/icon.svg" alt="" width={30} height={30} />
            Sinaesta
          </Link>
          <div style={{ flex: 1 }} />
          <Button
            variant="subtle"
            color="gray"
            size="compact-md"
            visibleFrom="xs"
            onClick={() => setLanguage(language === 'id' ? 'en' : 'id')}
          >
            {t('app.language')}
          </Button>
          <Scheme />
          <NotificationBell onNavigate={(path) => void navigate(path)} onNew={toast} allPath="/notifications" />
          <Profile onLeave={onLeave} />
        </div>
      </AppShell.Header>
      {!isPhone && (
        <AppShell.Navbar>
          <nav className={styles.nav} aria-label={t('app.menu')}>
            {links}
          </nav>
        </AppShell.Navbar>
      )}
      <AppShell.Main>
        <div className={styles.main} style={{ height: `calc(100dvh - ${isPhone ? 120 : 60}px)` }}>
          <ConnectionStatus onSignIn={onLeave} />
          <div id="content" className={styles.content} tabIndex={-1}>
            {children}
          </div>
        </div>
      </AppShell.Main>
      {isPhone && (
        <AppShell.Footer>
          <nav className={styles.tabs} aria-label={t('app.menu')}>
            {links}
          </nav>
        </AppShell.Footer>
      )}
    </AppShell>
  );
}

function Scheme() {
  const { t } = useDemoTexts();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const Icon = SCHEMES[colorScheme];
  const next = { auto: 'light', light: 'dark', dark: 'auto' } as const;
  return (
    <ActionIcon
      size={40}
      aria-label={`${t('app.scheme')}: ${colorScheme}`}
      onClick={() => setColorScheme(next[colorScheme])}
    >
      <Icon size={20} stroke={1.7} />
    </ActionIcon>
  );
}

function Profile({ onLeave }: { onLeave: () => void }) {
  const { t, language, setLanguage } = useDemoTexts();
  const { t: say } = useTexts();
  const user = useUser();
  const { status, setStatus } = usePresence();
  if (user === null) return null;
  return (
    <Menu position="bottom-end" width={240}>
      <Menu.Target>
        <UnstyledButton aria-label={`${t('app.profile')}: ${user.name}`} data-testid="profile">
          <Person name={user.name} status={status} />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Text size="sm" fw={600} px="sm" pt={6}>
          {user.name}
        </Text>
        <Text size="xs" c="dimmed" px="sm" pb={6}>
          {say(`role.${user.role}`)}
        </Text>
        <Menu.Divider />
        <Menu.Label>{t('app.status')}</Menu.Label>
        {STATUSES.map((one) => (
          <Menu.Item key={one} onClick={() => void setStatus(one).catch(() => {})} aria-current={one === status}>
            {say(`status.${one}`)}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item
          hiddenFrom="xs"
          leftSection={<IconLanguage size={16} />}
          onClick={() => setLanguage(language === 'id' ? 'en' : 'id')}
        >
          {t('app.language')}
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={onLeave}>
          {t('app.signOut')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
