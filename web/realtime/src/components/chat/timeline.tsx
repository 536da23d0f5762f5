import { Button, Loader } from '@mantine/core';
import { IconArrowDown, IconMessageCircle } from '@tabler/icons-react';
import { type RefObject, type UIEvent, useEffect, useMemo, useRef, useState } from 'react';
import { Virtuoso, type VirtuosoHandle } from 'react-virtuoso';
import { type TimelineMessage, type UseChat, useUser } from '../../react/index.ts';
import { EmptyState } from '../pieces.tsx';
import { useTexts } from '../texts/index.ts';
import { Bubble } from './bubble.tsx';
import styles from './chat.module.css';

/** Virtuoso counts from here, so that older messages can come before those that are there. */
const START = 1_000_000;
/** Within how many pixels of the end a reader is at it. */
const END_PX = 80;
/** How long a pause ends what one person says in a row, in milliseconds. */
const PAUSE_MS = 5 * 60_000;

interface TimelineProps {
  chat: UseChat;
  onReply: (message: TimelineMessage) => void;
  onThread: (messageId: string) => void;
}

/** The messages of a room, older ones as they are scrolled to, held at the end while one is there. */
export function Timeline({ chat, onReply, onThread }: TimelineProps) {
  const { t, language } = useTexts();
  const user = useUser();
  const list = useRef<VirtuosoHandle>(null);
  const [isAtEnd, setAtEnd] = useState(true);
  const end = useEnd(list);
  const { messages, markAsRead, isJoined } = chat;
  const byId = useMemo(() => new Map(messages.map((one) => [one.id, one])), [messages]);
  const firstNew = useFirstNew(chat, user?.id ?? null);
  const first = messages[0]?.seq ?? 0;

  useEffect(() => {
    if (!isJoined || !isAtEnd || messages.length === 0) return;
    const read = () => document.visibilityState === 'visible' && document.hasFocus() && markAsRead();
    read();
    window.addEventListener('focus', read);
    return () => window.removeEventListener('focus', read);
  }, [isJoined, isAtEnd, messages.length, markAsRead]);

  if (messages.length === 0) {
    if (!isJoined) return <EmptyState title="" icon={<Loader />} />;
    return (
      <EmptyState
        icon={<IconMessageCircle size={40} stroke={1.4} />}
        title={t('chat.empty')}
        hint={t('chat.emptyHint')}
      />
    );
  }
  return (
    <>
      <Virtuoso
        ref={list}
        data={messages as TimelineMessage[]}
        alignToBottom
        role="log"
        aria-label={t('chat.log')}
        tabIndex={0}
        firstItemIndex={START + first}
        initialTopMostItemIndex={messages.length - 1}
        computeItemKey={(_, one) => one.client_message_id ?? one.id}
        followOutput={() => (end.isFollowed.current || messages.at(-1)?.seq === null ? 'auto' : false)}
        onScroll={end.onScroll}
        totalListHeightChanged={end.onHeight}
        atBottomThreshold={END_PX}
        atBottomStateChange={setAtEnd}
        startReached={() => void chat.loadOlder().catch(() => {})}
        itemContent={(index, message) => {
          const before = messages[index - START - first - 1];
          const isNewDay = !before || day(before) !== day(message);
          const isFirst =
            isNewDay ||
            before.sender_id !== message.sender_id ||
            Date.parse(message.created_at) - Date.parse(before.created_at) > PAUSE_MS;
          return (
            <>
              {isNewDay && <div className={styles.day}>{dayName(message.created_at, language, t)}</div>}
              {message.seq !== null && message.seq === firstNew && (
                <div className={`${styles.day} ${styles.new}`}>{t('chat.new')}</div>
              )}
              <Bubble
                message={message}
                isFirst={isFirst}
                user={user}
                chat={chat}
                answered={message.reply_to ? byId.get(message.reply_to) : undefined}
                onReply={onReply}
                onThread={onThread}
              />
            </>
          );
        }}
      />
      {!isAtEnd && (
        <Button
          className={styles.latest}
          size="compact-md"
          radius="xl"
          leftSection={<IconArrowDown size={16} />}
          onClick={() => list.current?.scrollToIndex({ index: 'LAST' })}
        >
          {t('chat.latest')}
        </Button>
      )}
    </>
  );
}

/**
 * Keeps a reader at the end until they scroll up themselves: what arrives while the list is still on its way to the end, and
 * what grows later (an image, an answered message), leaves nobody behind.
 */
function useEnd(list: RefObject<VirtuosoHandle | null>) {
  const isFollowed = useRef(true);
  const before = useRef({ scrollTop: 0, scrollHeight: 0 });
  return {
    isFollowed,
    onScroll: ({ currentTarget }: UIEvent<HTMLElement>) => {
      const { scrollTop, scrollHeight, clientHeight } = currentTarget;
      const isUp = scrollTop < before.current.scrollTop && scrollHeight === before.current.scrollHeight;
      if (scrollHeight - scrollTop - clientHeight <= END_PX) isFollowed.current = true;
      else if (isUp) isFollowed.current = false;
      before.current = { scrollTop, scrollHeight };
    },
    onHeight: () => {
      if (isFollowed.current) list.current?.scrollToIndex({ index: 'LAST', align: 'end' });
    },
  };
}

/** The first message that was new when the room was opened: where the divider stays. */
function useFirstNew({ messages, isJoined, lastReadSeq }: UseChat, me: string | null): number | null {
  const [opened, setOpened] = useState<number | null>(null);
  useEffect(() => {
    if (isJoined) setOpened((known) => known ?? lastReadSeq);
  }, [isJoined, lastReadSeq]);
  if (opened === null) return null;
  const fresh = messages.find((one) => one.seq !== null && one.seq > opened && one.sender_id !== me);
  return fresh?.seq ?? null;
}

const day = (message: TimelineMessage) => new Date(message.created_at).toDateString();

function dayName(at: string, language: string, t: ReturnType<typeof useTexts>['t']): string {
  const date = new Date(at);
  const ago = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / 86_400_000);
  if (ago === 0) return t('chat.today');
  if (ago === 1) return t('chat.yesterday');
  return date.toLocaleDateString(language, { weekday: 'long', day: 'numeric', month: 'long' });
}
