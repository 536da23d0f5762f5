import { CloseButton, Group, Loader, Stack, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { type ReactNode, useEffect, useState } from 'react';
import type { ChatMessage } from '../../core/index.ts';
import type { UseChat } from '../../react/index.ts';
import { MessageText } from '../message-text.tsx';
import { Person, When } from '../pieces.tsx';
import { useTexts } from '../texts/index.ts';
import styles from './chat.module.css';

/** A message and the replies to it, kept as they come. */
export function ThreadPanel({ chat, messageId, onClose }: { chat: UseChat; messageId: string; onClose: () => void }) {
  const { t } = useTexts();
  const [found, setFound] = useState<readonly ChatMessage[] | null>(null);
  const { thread, messages } = chat;
  const count = messages.filter((one) => one.reply_to === messageId && one.seq !== null).length;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another reply is the reason to read it again
  useEffect(() => {
    let isGone = false;
    thread(messageId).then(
      ({ message, replies }) => !isGone && setFound([message, ...replies]),
      () => !isGone && setFound([]),
    );
    return () => {
      isGone = true;
    };
  }, [thread, messageId, count]);
  return (
    <Panel title={t('chat.thread')} onClose={onClose}>
      {found === null ? <Loader size="sm" /> : <Listed messages={found} />}
    </Panel>
  );
}

/** What a room's messages say, found by words. */
export function SearchPanel({ chat, onClose }: { chat: UseChat; onClose: () => void }) {
  const { t } = useTexts();
  const [query, setQuery] = useState('');
  const [wanted] = useDebouncedValue(query.trim(), 250);
  const [found, setFound] = useState<readonly ChatMessage[] | null>(null);
  const { search } = chat;
  useEffect(() => {
    let isGone = false;
    setFound(null);
    if (wanted === '') return;
    search(wanted).then(
      ({ messages }) => !isGone && setFound(messages),
      () => !isGone && setFound([]),
    );
    return () => {
      isGone = true;
    };
  }, [search, wanted]);
  return (
    <Panel title={t('chat.search')} onClose={onClose}>
      <TextInput
        type="search"
        aria-label={t('chat.search')}
        placeholder={t('chat.search')}
        value={query}
        onChange={(event) => setQuery(event.currentTarget.value)}
        data-autofocus
        mb="md"
      />
      <div aria-live="polite">
        {found !== null && found.length === 0 && <Text c="dimmed">{t('chat.noResults')}</Text>}
        {found !== null && <Listed messages={found} />}
      </div>
    </Panel>
  );
}

function Panel({ title, onClose, children }: { title: string; onClose: () => void; children: ReactNode }) {
  const { t } = useTexts();
  return (
    <aside className={styles.panel} aria-label={title}>
      <Group justify="space-between" mb="md">
        <Text fw={600}>{title}</Text>
        <CloseButton onClick={onClose} aria-label={t('close')} />
      </Group>
      {children}
    </aside>
  );
}

function Listed({ messages }: { messages: readonly ChatMessage[] }) {
  const { t } = useTexts();
  return (
    <Stack gap="md">
      {messages.map((one) => (
        <Group key={one.id} align="flex-start" gap="sm" wrap="nowrap">
          <Person name={one.sender_name} size={28} />
          <div>
            <Text size="xs" c="dimmed">
              <b>{one.sender_name}</b> · <When at={one.created_at} />
            </Text>
            <Text size="sm" component="div">
              {one.removed_at ? t('chat.removed') : <MessageText message={one} />}
            </Text>
          </div>
        </Group>
      ))}
    </Stack>
  );
}
