import { Card, Title } from '@mantine/core';
import { NotificationList, NotificationPreferences } from '@sinaesta/realtime/components';
import { useNavigate } from 'react-router';
import { useDemoTexts } from '../../texts/index.ts';

export default function NotificationsPage() {
  const { t } = useDemoTexts();
  const navigate = useNavigate();
  return (
    <main className="page">
      <Title order={1} size="h2" mb="lg">
        {t('notifications.title')}
      </Title>
      <Card p={0} mb="lg">
        <NotificationList onNavigate={(path) => void navigate(path)} />
      </Card>
      <Card>
        <NotificationPreferences />
      </Card>
    </main>
  );
}
