import { Title } from '@mantine/core';
import { StudyGroups } from '@sinaesta/realtime/components';
import { useEffect, useState } from 'react';
import { useNavigate } from 'react-router';
import { type DemoPerson, people as loadPeople } from '../../session.ts';
import { useDemoTexts } from '../../texts/index.ts';

export default function GroupsPage() {
  const { t } = useDemoTexts();
  const navigate = useNavigate();
  const [people, setPeople] = useState<DemoPerson[]>([]);
  useEffect(() => {
    loadPeople().then(
      (found) => setPeople(found ?? []),
      () => {},
    );
  }, []);
  return (
    <main className="page">
      <Title order={1} size="h2" mb="lg">
        {t('groups.title')}
      </Title>
      <StudyGroups people={people} onOpen={(group) => void navigate(`/chat/${group.room_id}`)} />
    </main>
  );
}
