import {
  Badge,
  Button,
  Card,
  Group,
  Menu,
  SegmentedControl,
  SimpleGrid,
  Skeleton,
  Stack,
  Text,
  TextInput,
  Title,
} from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconLock, IconPlus, IconSearch, IconUserPlus, IconUsers } from '@tabler/icons-react';
import { useState } from 'react';
import type { StudyGroup } from '../../core/index.ts';
import { type UseStudyGroups, useStudyGroups, useUser } from '../../react/index.ts';
import { EmptyState, ErrorState } from '../pieces.tsx';
import { useTexts } from '../texts/index.ts';
import { NewGroup } from './new-group.tsx';

export interface StudyGroupsProps {
  onOpen: (group: StudyGroup) => void;
  /** Whom a member may invite. */
  people?: readonly { id: string; name: string }[];
}

/** Study groups: found, made, joined and left. */
export function StudyGroups({ onOpen, people = [] }: StudyGroupsProps) {
  const { t } = useTexts();
  const [query, setQuery] = useState('');
  const [scope, setScope] = useState('all');
  const [isMaking, setMaking] = useState(false);
  const [wanted] = useDebouncedValue(query, 250);
  const list = useStudyGroups({ query: wanted, mine: scope === 'mine' });
  return (
    <Stack gap="lg" data-testid="study-groups">
      <Group gap="sm">
        <TextInput
          type="search"
          flex="1 1 220px"
          leftSection={<IconSearch size={16} />}
          aria-label={t('groups.search')}
          placeholder={t('groups.search')}
          value={query}
          onChange={(event) => setQuery(event.currentTarget.value)}
        />
        <SegmentedControl
          aria-label={t('groups.title')}
          value={scope}
          onChange={setScope}
          data={[
            { value: 'all', label: t('groups.all') },
            { value: 'mine', label: t('groups.mine') },
          ]}
        />
        <Button leftSection={<IconPlus size={16} />} onClick={() => setMaking(true)}>
          {t('groups.new')}
        </Button>
      </Group>
      {list.error && <ErrorState title={list.error.message} />}
      {!list.error && list.isLoading && <Skeleton h={180} radius="md" />}
      {!list.error && !list.isLoading && list.groups.length === 0 && (
        <EmptyState
          icon={<IconUsers size={40} stroke={1.4} />}
          title={t('groups.empty')}
          hint={t('groups.emptyHint')}
        />
      )}
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
        {list.groups.map((group) => (
          <GroupCard key={group.id} group={group} list={list} people={people} onOpen={onOpen} />
        ))}
      </SimpleGrid>
      {list.hasMore && (
        <Button variant="default" onClick={() => void list.loadMore().catch(() => {})}>
          {t('groups.more')}
        </Button>
      )}
      <NewGroup opened={isMaking} onClose={() => setMaking(false)} onCreate={list.create} onCreated={onOpen} />
    </Stack>
  );
}

interface GroupCardProps extends Required<StudyGroupsProps> {
  group: StudyGroup;
  list: UseStudyGroups;
}

function GroupCard({ group, list, people, onOpen }: GroupCardProps) {
  const { t } = useTexts();
  const user = useUser();
  const [problem, setProblem] = useState<string | null>(null);
  const [said, setSaid] = useState<string | null>(null);
  const isMember = user !== null && group.members.includes(user.id);
  const isFull = group.member_count >= group.max_members;
  const attempt = (act: Promise<unknown>) => {
    setProblem(null);
    act.catch((reason: unknown) => setProblem(reason instanceof Error ? reason.message : String(reason)));
  };
  const invite = ({ id, name }: { id: string; name: string }) =>
    attempt(list.invite(group.id, id).then(() => setSaid(t('groups.invited', { name }))));
  return (
    <Card component="article" aria-label={group.name} data-testid="study-group">
      <Stack gap="xs" h="100%">
        <Group justify="space-between" wrap="nowrap" align="flex-start">
          <Title order={3} size="h5" lineClamp={2}>
            {group.name}
          </Title>
          {!group.is_public && (
            <Badge color="gray" leftSection={<IconLock size={12} />}>
              {t('groups.private')}
            </Badge>
          )}
        </Group>
        {group.specialty && <Badge style={{ alignSelf: 'flex-start' }}>{group.specialty}</Badge>}
        <Text size="sm" c="dimmed" lineClamp={3} flex={1}>
          {group.description}
        </Text>
        <Text size="xs" c="dimmed">
          {t('groups.members', { count: group.member_count, max: group.max_members })}
        </Text>
        {problem && (
          <Text size="sm" c="red" role="alert">
            {problem}
          </Text>
        )}
        {said && (
          <Text size="sm" role="status">
            {said}
          </Text>
        )}
        <Group gap="xs">
          {isMember ? (
            <>
              <Button size="compact-md" onClick={() => onOpen(group)}>
                {t('groups.open')}
              </Button>
              {people.length > 0 && (
                <Menu>
                  <Menu.Target>
                    <Button size="compact-md" variant="default" leftSection={<IconUserPlus size={14} />}>
                      {t('groups.invite')}
                    </Button>
                  </Menu.Target>
                  <Menu.Dropdown>
                    {people
                      .filter((one) => !group.members.includes(one.id))
                      .map((one) => (
                        <Menu.Item key={one.id} onClick={() => invite(one)}>
                          {one.name}
                        </Menu.Item>
                      ))}
                  </Menu.Dropdown>
                </Menu>
              )}
              <Button size="compact-md" variant="subtle" color="gray" onClick={() => attempt(list.leave(group.id))}>
                {t('groups.leave')}
              </Button>
            </>
          ) : (
            <Button
              size="compact-md"
              variant="light"
              disabled={isFull}
              onClick={() => attempt(list.join(group.id).then(onOpen))}
            >
              {t(isFull ? 'groups.full' : 'groups.join')}
            </Button>
          )}
        </Group>
      </Stack>
    </Card>
  );
}
