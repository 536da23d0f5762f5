import { Chat, EmptyState } from '@sinaesta/realtime/components';
import { useRooms } from '@sinaesta/realtime/react';
import { IconMessages } from '@tabler/icons-react';
import { useNavigate, useParams } from 'react-router';
import { useDemoTexts } from '../../texts/index.ts';
import styles from './chat-page.module.css';
import { useRoomName } from './names.ts';
import { RoomList } from './room-list.tsx';

/** Conversations at the left, the open one at the right; on a phone one or the other. */
export function ChatPage() {
  const { roomId } = useParams();
  const { t } = useDemoTexts();
  const navigate = useNavigate();
  const { rooms } = useRooms();
  const name = useRoomName();
  const summary = rooms.find((one) => one.room_id === roomId);
  return (
    <div className={styles.page} data-open={roomId !== undefined}>
      <RoomList />
      <main className={styles.detail} style={{ minHeight: 0, height: '100%' }}>
        {roomId === undefined ? (
          <EmptyState
            icon={<IconMessages size={44} stroke={1.3} />}
            title={t('chat.choose')}
            hint={t('chat.chooseHint')}
          />
        ) : (
          <Chat roomId={roomId} roomName={name(roomId, summary)} onClose={() => void navigate('/chat')} />
        )}
      </main>
    </div>
  );
}
