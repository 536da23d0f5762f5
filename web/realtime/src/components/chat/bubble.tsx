import { ActionIcon, Button, Group, Menu, Text, Textarea } from '@mantine/core';
import {
  IconArrowBackUp,
  IconCheck,
  IconChecks,
  IconClock,
  IconDots,
  IconMoodSmile,
  IconPencil,
  IconTrash,
  IconVolumeOff,
} from '@tabler/icons-react';
import { useState } from 'react';
import { plainText, type RealtimeUser } from '../../core/index.ts';
import type { TimelineMessage, UseChat } from '../../react/index.ts';
import { MessageText } from '../message-text.tsx';
import { Person, When } from '../pieces.tsx';
import { useTexts } from '../texts/index.ts';
import { Attachment } from './attachment.tsx';
import styles from './chat.module.css';

const EMOJI = ['👍', '❤️', '😂', '🎉', '🙏', '🤔'];

interface BubbleProps {
  message: TimelineMessage;
  /** Whether it begins what one person says in a row. */
  isFirst: boolean;
  user: RealtimeUser | null;
  chat: UseChat;
  /** What it answers, if that is known. */
  answered: TimelineMessage | undefined;
  onReply: (message: TimelineMessage) => void;
  onThread: (messageId: string) => void;
}

export function Bubble({ message, isFirst, user, chat, answered, onReply, onThread }: BubbleProps) {
  const { t } = useTexts();
  const [isEditing, setEditing] = useState(false);
  const isOwn = message.sender_id === user?.id;
  const isGone = message.removed_at !== undefined;
  const className = [styles.row, isOwn && styles.own, isFirst && styles.first].filter(Boolean).join(' ');
  return (
    <article
      className={className}
      data-testid="message"
      data-seq={message.seq ?? undefined}
      data-delivery={message.delivery}
      aria-label={message.sender_name}
    >
      {!isOwn && <div className={styles.face}>{isFirst && <Person name={message.sender_name} size={32} />}</div>}
      <div className={styles.body}>
        {!isOwn && isFirst && (
          <Text size="xs" fw={600} mb={2}>
            {message.sender_name}
          </Text>
        )}
        <div className={styles.bubble}>
          {answered && (
            <button type="button" className={styles.quote} onClick={() => onThread(answered.id)}>
              {answered.sender_name}: {answered.removed_at ? t('chat.removed') : plainText(answered)}
            </button>
          )}
          {isGone && <span className={styles.gone}>{t('chat.removed')}</span>}
          {!isGone && isEditing && <Editor message={message} chat={chat} onDone={() => setEditing(false)} />}
          {!isGone && !isEditing && (
            <>
              <Attachment message={message} />
              <div className={hasParagraphs(message) ? undefined : styles.plain} data-testid="message-text">
                <MessageText message={message} />
              </div>
            </>
          )}
        </div>
        <Reactions message={message} user={user} chat={chat} />
        <Meta message={message} isOwn={isOwn} chat={chat} onThread={onThread} />
        {!isGone && message.seq !== null && (
          <Actions
            message={message}
            isOwn={isOwn}
            isStaff={user !== null && user.role !== 'STUDENT'}
            chat={chat}
            onReply={onReply}
            onEdit={() => setEditing(true)}
          />
        )}
      </div>
    </article>
  );
}

function Meta({
  message,
  isOwn,
  chat,
  onThread,
}: { message: TimelineMessage; isOwn: boolean } & Pick<BubbleProps, 'chat' | 'onThread'>) {
  const { t } = useTexts();
  const replies = message.reply_count ?? 0;
  const id = message.client_message_id ?? '';
  if (message.delivery === 'failed') {
    return (
      <div className={styles.meta} role="alert">
        <Text size="xs" c="red">
          {t('chat.notSent', { reason: message.error?.message ?? '' })}
        </Text>
        <Button size="compact-xs" variant="subtle" onClick={() => chat.retry(id)}>
          {t('chat.retry')}
        </Button>
        <Button size="compact-xs" variant="subtle" color="gray" onClick={() => chat.discard(id)}>
          {t('chat.discard')}
        </Button>
      </div>
    );
  }
  return (
    <div className={styles.meta}>
      <When at={message.created_at} />
      {message.edited_at && <span>{t('chat.edited')}</span>}
      {isOwn && <Ticks message={message} />}
      {replies > 0 && (
        <Button size="compact-xs" variant="subtle" onClick={() => onThread(message.id)}>
          {t('chat.replies', { count: replies })}
        </Button>
      )}
    </div>
  );
}

function Ticks({ message }: { message: TimelineMessage }) {
  const { t } = useTexts();
  if (message.delivery === 'queued') return <IconClock size={14} role="img" aria-label={t('chat.queued')} />;
  if (message.delivery === 'sending') return <IconClock size={14} role="img" aria-label={t('chat.sending')} />;
  if (!message.is_read) return <IconCheck size={14} role="img" aria-label={t('chat.sent')} />;
  return <IconChecks size={14} role="img" aria-label={t('chat.read')} color="var(--rt-accent-text)" />;
}

function Reactions({ message, user, chat }: Pick<BubbleProps, 'message' | 'user' | 'chat'>) {
  const { t } = useTexts();
  if (!message.reactions || message.reactions.length === 0) return null;
  return (
    <Group gap={4} mt={4}>
      {message.reactions.map(({ emoji, count, user_ids }) => {
        const isMine = user !== null && user_ids.includes(user.id);
        return (
          <button
            key={emoji}
            type="button"
            className={`${styles.reaction} ${isMine ? styles.mine : ''}`}
            aria-pressed={isMine}
            aria-label={t('chat.reactedWith', { emoji, count })}
            onClick={() => chat.react(message.id, emoji, !isMine).catch(() => {})}
          >
            {emoji} {count}
          </button>
        );
      })}
    </Group>
  );
}

interface ActionsProps extends Pick<BubbleProps, 'message' | 'chat' | 'onReply'> {
  isOwn: boolean;
  isStaff: boolean;
  onEdit: () => void;
}

function Actions({ message, isOwn, isStaff, chat, onReply, onEdit }: ActionsProps) {
  const { t } = useTexts();
  const canRemove = isOwn || isStaff;
  return (
    <div className={styles.actions}>
      <Menu position="top-end">
        <Menu.Target>
          <ActionIcon aria-label={t('chat.react', { emoji: '' })}>
            <IconMoodSmile size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Group gap={2} p={4}>
            {EMOJI.map((emoji) => (
              <Menu.Item
                key={emoji}
                w="auto"
                p={6}
                aria-label={t('chat.react', { emoji })}
                onClick={() => chat.react(message.id, emoji).catch(() => {})}
              >
                {emoji}
              </Menu.Item>
            ))}
          </Group>
        </Menu.Dropdown>
      </Menu>
      <ActionIcon aria-label={t('chat.reply')} onClick={() => onReply(message)}>
        <IconArrowBackUp size={16} />
      </ActionIcon>
      {(canRemove || isStaff) && (
        <Menu position="bottom-end">
          <Menu.Target>
            <ActionIcon aria-label={t('chat.actions')}>
              <IconDots size={16} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            {isOwn && (
              <Menu.Item leftSection={<IconPencil size={16} />} onClick={onEdit}>
                {t('chat.edit')}
              </Menu.Item>
            )}
            {canRemove && (
              <Menu.Item
                color="red"
                leftSection={<IconTrash size={16} />}
                onClick={() => chat.remove(message.id).catch(() => {})}
              >
                {t('chat.remove')}
              </Menu.Item>
            )}
            {isStaff && !isOwn && (
              <Menu.Item
                leftSection={<IconVolumeOff size={16} />}
                onClick={() => chat.mute(message.sender_id, 60).catch(() => {})}
              >
                {t('chat.mute')}
              </Menu.Item>
            )}
          </Menu.Dropdown>
        </Menu>
      )}
    </div>
  );
}

function Editor({ message, chat, onDone }: { message: TimelineMessage; chat: UseChat; onDone: () => void }) {
  const { t } = useTexts();
  const [text, setText] = useState(() => plainText(message));
  const save = () => chat.edit(message.id, text).then(onDone, () => {});
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <Textarea
        aria-label={t('chat.edit')}
        autosize
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        data-autofocus
      />
      <Group gap={6} mt={6}>
        <Button type="submit" size="compact-sm" disabled={text.trim() === ''}>
          {t('chat.save')}
        </Button>
        <Button size="compact-sm" variant="default" onClick={onDone}>
          {t('chat.cancel')}
        </Button>
      </Group>
    </form>
  );
}

/** Whether elements part its lines, and not line feeds. */
const hasParagraphs = ({ message, format }: TimelineMessage) => format === 'html' && message.includes('<p>');
