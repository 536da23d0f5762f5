/** What Prometheus says, as Grafana's data frames. */
import {
  applyFieldOverrides,
  createTheme,
  type DataFrame,
  FieldType,
  type GrafanaTheme2,
  standardFieldConfigEditorRegistry,
  toDataFrame,
} from '@grafana/data';

interface Target {
  refId: string;
  expr: string;
  legendFormat?: string;
  instant?: boolean;
}

export interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: Target[];
  // biome-ignore lint/suspicious/noExplicitAny: it is Grafana's, and goes to Grafana's code as it is
  fieldConfig?: any;
  // biome-ignore lint/suspicious/noExplicitAny: the same
  options?: any;
}

export interface Dashboard {
  title: string;
  description: string;
  panels: Panel[];
}

export interface Range {
  from: number;
  to: number;
}

interface Series {
  metric: Record<string, string>;
  values?: [number, string][];
  value?: [number, string];
}

export const theme: GrafanaTheme2 = createTheme({ colors: { mode: 'dark' } });
/** How far apart points are, in seconds. */
const STEP = 1;

/** The settings of a field that `fieldConfig` may name; Grafana's own list is not in its packages. */
const SETTINGS = ['unit', 'decimals', 'min', 'max', 'color', 'thresholds', 'mappings', 'noValue', 'displayName'];
standardFieldConfigEditorRegistry.setInit(() =>
  SETTINGS.map((id) => ({
    id,
    path: id,
    name: id,
    description: id,
    editor: () => null,
    override: () => null,
    process: (value: unknown) => value,
    shouldApply: () => true,
    settings: {},
  })),
);

async function ask(query: string, range: Range, instant: boolean): Promise<Series[]> {
  const asked = new URLSearchParams(
    instant
      ? { query, time: String(range.to) }
      : { query, start: String(range.from), end: String(range.to), step: String(STEP) },
  );
  const answer = await fetch(`/api/v1/${instant ? 'query' : 'query_range'}?${asked}`);
  const { status, error, data } = await answer.json();
  if (status !== 'success') throw new Error(`${query}: ${error}`);
  return data.result;
}

function name(target: Target, metric: Record<string, string>): string {
  const format = target.legendFormat ?? '__auto';
  if (format !== '__auto') return format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => metric[label] ?? '');
  const labels = Object.entries(metric).map(([label, value]) => `${label}="${value}"`);
  return labels.length > 0 ? `{${labels.join(', ')}}` : target.expr;
}

/** A panel's frames, with what its `fieldConfig` says applied by Grafana's own code. */
export async function frames(panel: Panel, range: Range): Promise<DataFrame[]> {
  const read = (panel.targets ?? []).map(async (target) => {
    // As Grafana fills them in, with everything chosen.
    const expr = target.expr.replaceAll('$__rate_interval', '10s').replaceAll(/\$(service|instance)/g, '.*');
    const series = await ask(expr, range, target.instant ?? false);
    return series.map(({ metric, values, value }) => {
      const points = values ?? (value ? [value] : []);
      return toDataFrame({
        refId: target.refId,
        name: name(target, metric),
        fields: [
          {
            name: 'Time',
            type: FieldType.time,
            values: points.map(([at]) => at * 1000),
            config: { interval: STEP * 1000 },
          },
          {
            name: 'Value',
            type: FieldType.number,
            values: points.map(([, one]) => (Number.isNaN(Number(one)) ? null : Number(one))),
            labels: metric,
            config: { displayNameFromDS: name(target, metric) },
          },
        ],
      });
    });
  });
  const data = (await Promise.all(read)).flat();
  const fieldConfig = panel.fieldConfig ?? { defaults: {}, overrides: [] };
  const applied = applyFieldOverrides({ data, fieldConfig, replaceVariables: (text) => text, theme, timeZone: 'utc' });
  for (const field of applied.flatMap((frame) => frame.fields)) {
    if (field.type === FieldType.number)
      field.config.custom = { ...fieldConfig.defaults.custom, ...field.config.custom };
  }
  return applied;
}
