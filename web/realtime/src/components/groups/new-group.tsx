import { Button, Modal, NumberInput, Stack, Switch, Text, Textarea, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import type { CreateGroup, StudyGroup } from '../../core/index.ts';
import { useTexts } from '../texts/index.ts';

interface NewGroupProps {
  opened: boolean;
  onClose: () => void;
  onCreate: (group: CreateGroup) => Promise<StudyGroup>;
  onCreated: (group: StudyGroup) => void;
}

/** Makes a study group. */
export function NewGroup({ opened, onClose, onCreate, onCreated }: NewGroupProps) {
  const { t } = useTexts();
  const [group, setGroup] = useState<CreateGroup>({ name: '', maxMembers: 10, isPublic: true });
  const [problem, setProblem] = useState<string | null>(null);
  const set = (to: Partial<CreateGroup>) => setGroup({ ...group, ...to });
  const create = async (event: FormEvent) => {
    event.preventDefault();
    setProblem(null);
    try {
      const given = Object.entries(group).filter(([, value]) => value !== '');
      onCreated(await onCreate(Object.fromEntries(given) as CreateGroup));
      onClose();
    } catch (reason) {
      setProblem(reason instanceof Error ? reason.message : String(reason));
    }
  };
  return (
    <Modal opened={opened} onClose={onClose} title={t('groups.new')} closeButtonProps={{ 'aria-label': t('close') }}>
      <form onSubmit={(event) => void create(event)}>
        <Stack>
          <TextInput
            label={t('groups.name')}
            required
            maxLength={100}
            value={group.name}
            onChange={(event) => set({ name: event.currentTarget.value })}
            data-autofocus
          />
          <Textarea
            label={t('groups.description')}
            autosize
            minRows={2}
            value={group.description ?? ''}
            onChange={(event) => set({ description: event.currentTarget.value })}
          />
          <TextInput
            label={t('groups.specialty')}
            value={group.specialty ?? ''}
            onChange={(event) => set({ specialty: event.currentTarget.value })}
          />
          <NumberInput
            label={t('groups.size')}
            min={2}
            max={500}
            value={group.maxMembers ?? 10}
            onChange={(value) => set({ maxMembers: Number(value) })}
          />
          <Switch
            label={t('groups.public')}
            checked={group.isPublic ?? true}
            onChange={(event) => set({ isPublic: event.currentTarget.checked })}
          />
          {problem && (
            <Text c="red" size="sm" role="alert">
              {problem}
            </Text>
          )}
          <Button type="submit" disabled={group.name.trim() === ''}>
            {t('groups.create')}
          </Button>
        </Stack>
      </form>
    </Modal>
  );
}
