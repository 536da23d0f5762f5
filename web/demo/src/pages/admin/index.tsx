import { Tabs, Title } from '@mantine/core';
import { EmptyState } from '@sinaesta/realtime/components';
import { useUser } from '@sinaesta/realtime/react';
import { useDemoTexts } from '../../texts/index.ts';
import { Announcements } from './announcements.tsx';
import { ExamDesk } from './exam-desk.tsx';
import { People } from './people.tsx';

/** What admins do: exams, announcements, people. */
export default function AdminPage() {
  const { t } = useDemoTexts();
  const user = useUser();
  if (user === null) return null;
  if (user.role !== 'PROGRAM_ADMIN' && user.role !== 'SUPER_ADMIN') return <EmptyState title={t('admin.forAdmins')} />;
  return (
    <main className="page">
      <Title order={1} size="h2" mb="lg">
        {t('admin.title')}
      </Title>
      <Tabs defaultValue="exams" keepMounted={false}>
        <Tabs.List mb="lg">
          <Tabs.Tab value="exams">{t('admin.exams')}</Tabs.Tab>
          <Tabs.Tab value="announcements">{t('admin.announcements')}</Tabs.Tab>
          <Tabs.Tab value="people">{t('admin.people')}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="exams">
          <ExamDesk />
        </Tabs.Panel>
        <Tabs.Panel value="announcements">
          <Announcements />
        </Tabs.Panel>
        <Tabs.Panel value="people">
          <People />
        </Tabs.Panel>
      </Tabs>
    </main>
  );
}
