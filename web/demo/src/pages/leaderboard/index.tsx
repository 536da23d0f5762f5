import { Title } from '@mantine/core';
import { LiveLeaderboard } from '@sinaesta/realtime/components';
import { useDemoTexts } from '../../texts/index.ts';

export default function LeaderboardPage() {
  const { t } = useDemoTexts();
  return (
    <main className="page">
      <Title order={1} size="h2" mb="lg">
        {t('board.title')}
      </Title>
      <LiveLeaderboard />
    </main>
  );
}
