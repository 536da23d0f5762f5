import type { RoomSummary } from '@sinaesta/realtime';
import { useUser } from '@sinaesta/realtime/react';
import { useCallback } from 'react';
import { useDemoTexts } from '../../texts/index.ts';

/** What to call a room: by who or what it is about, else by its id. */
export function useRoomName() {
  const { t, has } = useDemoTexts();
  const user = useUser();
  return useCallback(
    (id: string, summary?: RoomSummary) => {
      if (id === `mentor:${user?.id}`) return t('room.myMentor');
      if (id.startsWith('mentor:') && summary?.name) return t('room.mentor', { name: summary.name });
      if (summary?.name) return summary.name;
      if (id.startsWith('exam:')) return t('room.exam');
      const key = `room.${id}`;
      return has(key) ? t(key) : id;
    },
    [t, has, user],
  );
}
