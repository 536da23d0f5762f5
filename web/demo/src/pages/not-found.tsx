import { Button } from '@mantine/core';
import { EmptyState } from '@sinaesta/realtime/components';
import { Link } from 'react-router';
import { useDemoTexts } from '../texts/index.ts';

export function NotFound() {
  const { t } = useDemoTexts();
  const action = (
    <Button component={Link} to="/chat" variant="light">
      {t('app.home')}
    </Button>
  );
  return <EmptyState title={t('app.lost')} action={action} />;
}
