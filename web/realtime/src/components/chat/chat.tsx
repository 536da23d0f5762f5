import { ActionIcon, Avatar, CloseButton, Popover, Stack, Text, Title, UnstyledButton } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useState } from 'react';
import { type TimelineMessage, type UseChat, useChat, useUser } from '../../react/index.ts';
import { ErrorState, Face, Person } from '../pieces.tsx';
import { useTexts } from '../texts/index.ts';
import styles from './chat.module.css';
import { Composer } from './composer.tsx';
import { SearchPanel, ThreadPanel } from './panels.tsx';
import { Timeline } from './timeline.tsx';

export interface ChatProps {
  roomId: string;
  roomName: string;
  /** Shows a button that closes it. */
  onClose?: () => void;
}

/** A room: messages, who is there and who is typing, files, replies, reactions, search. Takes the height it is given. */
export function Chat({ roomId, roomName, onClose }: ChatProps) {
  // Another room is another conversation: nothing of the last one stays.
  return <Conversation key={roomId} roomId={roomId} roomName={roomName} {...(onClose ? { onClose } : {})} />;
}

function Conversation({ roomId, roomName, onClose }: ChatProps) {
  const { t } = useTexts();
  const chat = useChat(roomId);
  const [replyTo, setReplyTo] = useState<TimelineMessage | null>(null);
  const [panel, setPanel] = useState<{ thread: string } | 'search' | null>(null);
  const isForbidden = chat.error?.code === 'chat/room-forbidden';
  const hasFailed = chat.error !== null && !chat.isJoined && chat.messages.length === 0;
  return (
    <section className={styles.chat} aria-label={roomName} data-testid="chat" data-joined={chat.isJoined}>
      <header className={styles.header}>
        <Title order={2} size="h4" flex={1} lineClamp={1}>
          {roomName}
        </Title>
        <Members chat={chat} />
        <ActionIcon aria-label={t('chat.search')} onClick={() => setPanel(panel === 'search' ? null : 'search')}>
          <IconSearch size={18} />
        </ActionIcon>
        {onClose && <CloseButton onClick={onClose} aria-label={t('close')} />}
      </header>
      <div className={styles.log}>
        {isForbidden || hasFailed ? (
          <ErrorState title={t(isForbidden ? 'chat.forbidden' : 'chat.failed')} hint={chat.error?.message ?? ''} />
        ) : (
          <Timeline chat={chat} onReply={setReplyTo} onThread={(thread) => setPanel({ thread })} />
        )}
        {panel === 'search' && <SearchPanel chat={chat} onClose={() => setPanel(null)} />}
        {panel !== null && panel !== 'search' && (
          <ThreadPanel chat={chat} messageId={panel.thread} onClose={() => setPanel(null)} />
        )}
      </div>
      <Typing chat={chat} />
      {!isForbidden && <Composer chat={chat} replyTo={replyTo} onReplied={() => setReplyTo(null)} />}
    </section>
  );
}

function Typing({ chat: { typingUsers } }: { chat: UseChat }) {
  const { t, language } = useTexts();
  const names = new Intl.ListFormat(language).format(typingUsers.map((one) => one.userName));
  return (
    <div className={styles.typing} aria-live="polite" data-testid="typing">
      {typingUsers.length > 0 && t('chat.typing', { count: typingUsers.length, names })}
    </div>
  );
}

function Members({ chat: { members, onlineUsers } }: { chat: UseChat }) {
  const { t } = useTexts();
  const user = useUser();
  const others = members.filter((one) => one.userId !== user?.id);
  return (
    <Popover position="bottom-end" width={280} shadow="sm">
      <Popover.Target>
        <UnstyledButton aria-label={`${t('chat.members')}: ${t('chat.online', { count: onlineUsers.length })}`}>
          <Avatar.Group>
            {others.slice(0, 3).map((one) => (
              <Face key={one.userId} name={one.userName} size={28} />
            ))}
            <Text size="sm" c="dimmed" ml={14}>
              {t('chat.online', { count: onlineUsers.length })}
            </Text>
          </Avatar.Group>
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown mah={320} style={{ overflow: 'auto' }}>
        <Stack gap="sm">
          {members.map((one) => (
            <Member key={one.userId} name={one.userName} status={one.status} />
          ))}
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}

function Member({ name, status }: { name: string; status: UseChat['members'][number]['status'] }) {
  const { t } = useTexts();
  return (
    <div style={{ display: 'flex', gap: 10, alignItems: 'center' }}>
      <Person name={name} status={status} size={32} />
      <div>
        <Text size="sm">{name}</Text>
        <Text size="xs" c="dimmed">
          {t(`status.${status}`)}
        </Text>
      </div>
    </div>
  );
}
