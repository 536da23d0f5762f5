import { Table, Text } from '@mantine/core';
import { useClient } from '@sinaesta/realtime/react';
import { useEffect, useState } from 'react';
import { useDemoTexts } from '../../texts/index.ts';

interface Row {
  user_id: string;
  user_name: string;
  score: number;
  max_score: number;
  percentage: number;
}

/** An exam's results, best first. */
export function Results({ examId }: { examId: string }) {
  const { t } = useDemoTexts();
  const { http } = useClient();
  const [rows, setRows] = useState<Row[] | null>(null);
  useEffect(() => {
    http.request<{ results: Row[] }>('GET', `/api/exams/${examId}/results`).then(
      ({ results }) => setRows(results),
      () => setRows([]),
    );
  }, [http, examId]);
  if (rows === null) return null;
  if (rows.length === 0) return <Text c="dimmed">{t('admin.noResults')}</Text>;
  return (
    <Table>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('admin.student')}</Table.Th>
          <Table.Th>{t('proctor.score')}</Table.Th>
          <Table.Th>%</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map((row) => (
          <Table.Tr key={row.user_id}>
            <Table.Td>{row.user_name}</Table.Td>
            <Table.Td>
              {row.score} / {row.max_score}
            </Table.Td>
            <Table.Td>{row.percentage}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
