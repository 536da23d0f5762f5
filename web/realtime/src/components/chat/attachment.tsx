import { Modal, Skeleton, Text } from '@mantine/core';
import { IconFile } from '@tabler/icons-react';
import { useState } from 'react';
import { useClient, useFile } from '../../react/index.ts';
import { useTexts } from '../texts/index.ts';
import styles from './chat.module.css';

interface Attached {
  file_url: string | null;
  file_name: string | null;
  file_size: number | null;
  message_type: string;
}

/** What a message carries: an image in its place, anything else to be saved. */
export function Attachment({ message }: { message: Attached }) {
  const { file_url: url, file_name: name } = message;
  if (url === null) return null;
  const shown = name ?? url;
  if (!url.startsWith('/api/files/')) return <Elsewhere url={url} name={shown} />;
  if (message.message_type === 'image') return <Picture url={url} name={shown} />;
  return <Saved url={url} name={shown} size={message.file_size} />;
}

function Picture({ url, name }: { url: string; name: string }) {
  const { t } = useTexts();
  const [isOpen, setOpen] = useState(false);
  const small = useFile(`${url}?thumbnail=true`);
  const whole = useFile(isOpen ? url : null);
  if (small === null) return <Skeleton w={220} h={140} />;
  return (
    <>
      <button
        type="button"
        className={styles.image}
        onClick={() => setOpen(true)}
        aria-label={t('chat.open', { name })}
      >
        <img src={small} alt={name} />
      </button>
      <Modal
        opened={isOpen}
        onClose={() => setOpen(false)}
        title={name}
        size="xl"
        closeButtonProps={{ 'aria-label': t('close') }}
      >
        {whole === null ? <Skeleton h={360} /> : <img src={whole} alt={name} style={{ maxWidth: '100%' }} />}
      </Modal>
    </>
  );
}

function Saved({ url, name, size }: { url: string; name: string; size: number | null }) {
  const { http } = useClient();
  const { t, language } = useTexts();
  const save = async () => {
    const address = URL.createObjectURL(await http.file(url));
    const link = Object.assign(document.createElement('a'), { href: address, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  };
  return (
    <button type="button" className={styles.file} onClick={() => void save()} aria-label={t('chat.open', { name })}>
      <IconFile size={22} aria-hidden />
      <span>
        {name}
        {size !== null && (
          <Text size="xs" c="dimmed">
            {bytes(size, language)}
          </Text>
        )}
      </span>
    </button>
  );
}

/** On another host that the platform allows. */
function Elsewhere({ url, name }: { url: string; name: string }) {
  if (!/^https?:\/\//i.test(url)) return <span>{name}</span>;
  return (
    <a className={styles.file} href={url} target="_blank" rel="noopener noreferrer nofollow">
      <IconFile size={22} aria-hidden /> {name}
    </a>
  );
}

function bytes(size: number, language: string): string {
  const units = ['byte', 'kilobyte', 'megabyte'] as const;
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(size, 1)) / 3));
  const format: Intl.NumberFormatOptions = { style: 'unit', unit: units[step] ?? 'byte', maximumFractionDigits: 1 };
  return new Intl.NumberFormat(language, format).format(size / 1000 ** step);
}
