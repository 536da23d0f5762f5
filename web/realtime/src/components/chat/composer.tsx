import { ActionIcon, CloseButton, Group, Progress, Text, Textarea } from '@mantine/core';
import { IconPaperclip, IconSend2 } from '@tabler/icons-react';
import { type ClipboardEvent, type KeyboardEvent, useRef, useState } from 'react';
import { plainText, RealtimeError } from '../../core/index.ts';
import type { TimelineMessage, UseChat } from '../../react/index.ts';
import { useTexts } from '../texts/index.ts';
import styles from './chat.module.css';

interface Upload {
  name: string;
  share: number;
  controller: AbortController;
}

interface ComposerProps {
  chat: UseChat;
  replyTo: TimelineMessage | null;
  onReplied: () => void;
}

/** Where one writes: Enter sends, Shift and Enter makes a line; files by the button, dropped, or pasted. */
export function Composer({ chat, replyTo, onReplied }: ComposerProps) {
  const { t, language } = useTexts();
  const [text, setText] = useState('');
  const [upload, setUpload] = useState<Upload | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const picker = useRef<HTMLInputElement>(null);
  const reply = replyTo === null ? {} : { replyTo: replyTo.id };
  const isMuted = chat.mutedUntil !== null && Date.parse(chat.mutedUntil) > Date.now();

  const send = () => {
    if (text.trim() === '') return;
    chat.sendMessage(text, reply);
    setText('');
    onReplied();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  const attach = async (file: File | undefined) => {
    if (!file || upload) return;
    const controller = new AbortController();
    setProblem(null);
    setUpload({ name: file.name, share: 0, controller });
    try {
      const onProgress = (share: number) => setUpload({ name: file.name, share, controller });
      const uploaded = await chat.upload(file, { onProgress, signal: controller.signal });
      const messageType = uploaded.contentType.startsWith('image/') ? 'image' : 'file';
      chat.sendMessage(text.trim() || uploaded.fileName, { ...reply, messageType, file: uploaded });
      setText('');
      onReplied();
    } catch (reason) {
      const isCancelled = reason instanceof RealtimeError && reason.code === 'client/aborted';
      if (!isCancelled)
        setProblem(t('chat.uploadFailed', { name: file.name, reason: String((reason as Error).message) }));
    } finally {
      setUpload(null);
    }
  };
  const onPaste = (event: ClipboardEvent) => {
    const [file] = event.clipboardData.files;
    if (!file) return;
    event.preventDefault();
    void attach(file);
  };

  if (isMuted && chat.mutedUntil !== null) {
    const time = new Date(chat.mutedUntil).toLocaleTimeString(language, { hour: '2-digit', minute: '2-digit' });
    return (
      <Text className={styles.composer} size="sm" c="dimmed" role="status">
        {t('chat.muted', { time })}
      </Text>
    );
  }
  return (
    <form
      className={styles.composer}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        void attach(event.dataTransfer.files[0]);
      }}
    >
      {replyTo && (
        <Group gap="xs" mb={6} wrap="nowrap">
          <Text size="sm" c="dimmed" truncate>
            {t('chat.replyTo', { name: replyTo.sender_name })}: {plainText(replyTo)}
          </Text>
          <CloseButton size="sm" onClick={onReplied} aria-label={t('chat.cancel')} />
        </Group>
      )}
      {upload && (
        <Group gap="xs" mb={6} wrap="nowrap">
          <Text size="sm" truncate>
            {t('chat.uploading', { name: upload.name })}
          </Text>
          <Progress value={upload.share * 100} flex={1} aria-label={t('chat.uploading', { name: upload.name })} />
          <CloseButton size="sm" onClick={() => upload.controller.abort()} aria-label={t('chat.cancelUpload')} />
        </Group>
      )}
      {problem && (
        <Text size="sm" c="red" mb={6} role="alert">
          {problem}
        </Text>
      )}
      <Group gap="xs" align="flex-end" wrap="nowrap">
        <input
          ref={picker}
          type="file"
          hidden
          onChange={(event) => void attach(event.currentTarget.files?.[0])}
          data-testid="file-input"
        />
        <ActionIcon size={40} aria-label={t('chat.attach')} onClick={() => picker.current?.click()}>
          <IconPaperclip size={20} />
        </ActionIcon>
        <Textarea
          flex={1}
          autosize
          minRows={1}
          maxRows={8}
          radius="lg"
          value={text}
          placeholder={t('chat.placeholder')}
          aria-label={t('chat.label')}
          onChange={(event) => {
            setText(event.currentTarget.value);
            chat.sendTypingIndicator(event.currentTarget.value !== '');
          }}
          onBlur={() => chat.sendTypingIndicator(false)}
          onKeyDown={onKeyDown}
          onPaste={onPaste}
        />
        <ActionIcon
          type="submit"
          size={40}
          variant="filled"
          color="teal"
          radius="xl"
          aria-label={t('chat.send')}
          disabled={text.trim() === ''}
        >
          <IconSend2 size={20} />
        </ActionIcon>
      </Group>
    </form>
  );
}
