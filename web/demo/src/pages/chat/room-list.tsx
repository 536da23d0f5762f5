import { Badge, NavLink as MantineLink, Menu, Skeleton, Text, ThemeIcon, UnstyledButton } from '@mantine/core';
import { plainText, type RoomSummary } from '@sinaesta/realtime';
import { Person, When } from '@sinaesta/realtime/components';
import { useRooms, useUser } from '@sinaesta/realtime/react';
import { IconClipboardText, IconHash, IconLifebuoy, IconPencilPlus, IconSchool, IconUsers } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { NavLink, useNavigate } from 'react-router';
import { type DemoPerson, people as loadPeople } from '../../session.ts';
import { useDemoTexts } from '../../texts/index.ts';
import styles from './chat-page.module.css';
import { useRoomName } from './names.ts';

const OPEN_ROOMS = ['lobby', 'penyakit-dalam', 'bedah', 'kesehatan-anak'];
const ICONS = { MENTOR: IconSchool, STUDY_GROUP: IconUsers, EXAM: IconClipboardText, OPEN: IconHash };

/** One's conversations, those with something new first; and the ways into others. */
export function RoomList() {
  const { t } = useDemoTexts();
  const user = useUser();
  const { rooms, isLoading } = useRooms();
  const known = new Set(rooms.map((one) => one.room_id));
  const others = OPEN_ROOMS.filter((id) => !known.has(id));
  return (
    <nav className={styles.list} aria-label={t('chat.rooms')}>
      {user?.role === 'STUDENT' && !known.has(`mentor:${user.id}`) && (
        <MantineLink
          component={NavLink}
          to={`/chat/mentor:${user.id}`}
          label={t('chat.mentor')}
          leftSection={<IconLifebuoy size={20} />}
          variant="subtle"
          style={{ borderRadius: 8 }}
        />
      )}
      <WriteTo />
      {isLoading && <Skeleton h={200} mt="md" />}
      {rooms.length > 0 && <div className={styles.heading}>{t('chat.mine')}</div>}
      {rooms.map((one) => (
        <Room key={one.room_id} id={one.room_id} summary={one} />
      ))}
      {others.length > 0 && <div className={styles.heading}>{t('chat.open')}</div>}
      {others.map((id) => (
        <Room key={id} id={id} />
      ))}
    </nav>
  );
}

function Room({ id, summary }: { id: string; summary?: RoomSummary }) {
  const { t } = useDemoTexts();
  const name = useRoomName()(id, summary);
  const last = summary?.last_message;
  const type = summary?.room_type ?? 'OPEN';
  const Icon = type === 'DIRECT' ? null : ICONS[type];
  return (
    <NavLink to={`/chat/${id}`} className={styles.room ?? ''} data-testid="room">
      {Icon ? (
        <ThemeIcon variant="light" size={38} radius="md">
          <Icon size={20} stroke={1.7} />
        </ThemeIcon>
      ) : (
        <Person name={name} size={38} />
      )}
      <span>
        <Text component="span" display="block" size="sm" fw={summary?.unread_count ? 700 : 550} truncate>
          {name}
        </Text>
        {last && (
          <Text component="span" display="block" size="xs" c="dimmed" truncate>
            {last.sender_name.split(',')[0]}: {plainText(last)}
          </Text>
        )}
      </span>
      <span style={{ textAlign: 'right' }}>
        {last && (
          <Text component="span" display="block" size="xs" c="dimmed">
            <When at={last.created_at} />
          </Text>
        )}
        {summary !== undefined && summary.unread_count > 0 && (
          <Badge variant="filled" size="sm" circle aria-label={t('unread', { count: summary.unread_count })}>
            {summary.unread_count > 99 ? '99+' : summary.unread_count}
          </Badge>
        )}
      </span>
    </NavLink>
  );
}

function WriteTo() {
  const { t } = useDemoTexts();
  const user = useUser();
  const navigate = useNavigate();
  const [people, setPeople] = useState<DemoPerson[]>([]);
  useEffect(() => {
    loadPeople().then(
      (found) => setPeople(found ?? []),
      () => {},
    );
  }, []);
  if (!user || people.length === 0) return null;
  const room = (other: string) => `direct:${[user.id, other].sort().join(':')}`;
  return (
    <Menu position="bottom-start" width={280}>
      <Menu.Target>
        <UnstyledButton className={styles.room} w="100%">
          <IconPencilPlus size={20} />
          <Text size="sm">{t('chat.direct')}</Text>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        {people
          .filter((one) => one.id !== user.id)
          .map((one) => (
            <Menu.Item key={one.id} onClick={() => void navigate(`/chat/${room(one.id)}`)}>
              {one.name}
            </Menu.Item>
          ))}
      </Menu.Dropdown>
    </Menu>
  );
}
