/** One panel, drawn by Grafana's components; those that are not in its packages by as little as shows the same. */
import {
  type DataFrame,
  dateTime,
  type Field,
  FieldType,
  formattedValueToString,
  getDisplayProcessor,
  getValueFormat,
  reduceField,
} from '@grafana/data';
import { BigValue, type BigValueColorMode, type BigValueGraphMode, TimeSeries } from '@grafana/ui';
import type { ReactNode } from 'react';
import { type Panel, type Range, theme } from './data';

interface Shown {
  panel: Panel;
  frames: DataFrame[];
  range: Range;
  width: number;
  height: number;
}

const values = (frame: DataFrame): Field | undefined => frame.fields.find(({ type }) => type === FieldType.number);

function Stat({ panel, frames, width, height }: Shown): ReactNode {
  const field = frames[0] && values(frames[0]);
  if (!field) return <None />;
  const calc: string = panel.options.reduceOptions.calcs[0];
  const last = reduceField({ field, reducers: [calc] })[calc];
  const display = field.display ?? getDisplayProcessor({ field, theme });
  const x = frames[0]?.fields[0];
  return (
    <BigValue
      value={display(last)}
      sparkline={panel.options.graphMode === 'area' && x ? { y: field, x } : undefined}
      colorMode={panel.options.colorMode as BigValueColorMode}
      graphMode={panel.options.graphMode as BigValueGraphMode}
      theme={theme}
      width={width}
      height={height}
    />
  );
}

function Lines({ panel, frames, range, width, height }: Shown): ReactNode {
  if (frames.length === 0) return <None />;
  const [from, to] = [dateTime(range.from * 1000), dateTime(range.to * 1000)];
  return (
    <TimeSeries
      frames={frames}
      timeRange={{ from, to, raw: { from, to } }}
      timeZone="utc"
      width={width}
      height={height}
      legend={panel.options.legend}
      options={panel.options}
    />
  );
}

/** Buckets from below to above, a column for each few seconds. */
function Heatmap({ panel, frames, range, width, height }: Shown): ReactNode {
  const rows = frames.filter((frame) => frame.name !== '+Inf').sort((a, b) => Number(a.name) - Number(b.name));
  const counts = rows.map((frame) => (values(frame)?.values ?? []) as (number | null)[]);
  // A bucket of Prometheus counts those below it as well.
  const own = counts.map((row, y) => row.map((count, x) => Math.max((count ?? 0) - (counts[y - 1]?.[x] ?? 0), 0)));
  const most = Math.max(...own.flat(), 1e-9);
  const [left, bottom] = [56, 22];
  const cell = {
    w: (width - left) / Math.max(...own.map(({ length }) => length), 1),
    h: (height - bottom) / rows.length,
  };
  const format = getValueFormat(panel.options.yAxis?.unit ?? 's');
  const time = (at: number) =>
    dateTime(at * 1000)
      .utc()
      .format('HH:mm:ss');
  const every = Math.ceil(rows.length / 8);
  return (
    <svg width={width} height={height} fontSize={11} fill={theme.colors.text.secondary}>
      <title>{panel.title}</title>
      {own.flatMap((row, y) =>
        row.map((count, x) =>
          count > 0 ? (
            <rect
              key={`${y}-${x}`}
              x={left + x * cell.w}
              y={(rows.length - 1 - y) * cell.h}
              width={Math.max(cell.w - 0.5, 0.5)}
              height={Math.max(cell.h - 1, 1)}
              fill={theme.visualization.getColorByName('orange')}
              opacity={0.15 + 0.85 * (count / most) ** 0.5}
            />
          ) : null,
        ),
      )}
      {rows.map((row, y) =>
        y % every === 0 ? (
          <text key={row.name} x={left - 6} y={(rows.length - y - 0.5) * cell.h + 4} textAnchor="end">
            {formattedValueToString(format(Number(row.name), 1))}
          </text>
        ) : null,
      )}
      <text x={left} y={height - 6}>
        {time(range.from)}
      </text>
      <text x={width} y={height - 6} textAnchor="end">
        {time(range.to)}
      </text>
    </svg>
  );
}

/** One bar for each series, in the colours of its thresholds. */
function States({ frames, width, height }: Shown): ReactNode {
  const row = height / Math.max(frames.length, 1);
  return (
    <svg width={width} height={height} fontSize={12}>
      <title>states</title>
      {frames.map((frame, y) => {
        const field = values(frame);
        if (!field) return null;
        const display = field.display ?? getDisplayProcessor({ field, theme });
        const step = (width - 110) / Math.max(field.values.length, 1);
        return (
          <g key={frame.name} transform={`translate(0 ${y * row})`}>
            <text x={100} y={row / 2 + 4} textAnchor="end" fill={theme.colors.text.primary}>
              {frame.name}
            </text>
            {field.values.map((value, x) => (
              <rect
                key={`${frame.name}-${x}`}
                x={110 + x * step}
                y={row * 0.08}
                width={step + 0.5}
                height={row * 0.84}
                fill={display(value).color}
              />
            ))}
            <text x={118} y={row / 2 + 4} fill={theme.colors.background.canvas}>
              {formattedValueToString(display(field.values.at(-1)))}
            </text>
          </g>
        );
      })}
    </svg>
  );
}

function Rows({ frames }: Shown): ReactNode {
  const found = frames.map((frame) => values(frame)?.labels ?? {});
  if (found.length === 0) return <None />;
  const names = [...new Set(found.flatMap((labels) => Object.keys(labels)))];
  return (
    <table style={{ width: '100%', textAlign: 'left' }}>
      <thead>
        <tr>
          {names.map((one) => (
            <th key={one}>{one}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {found.map((labels) => (
          <tr key={JSON.stringify(labels)}>
            {names.map((one) => (
              <td key={one}>{labels[one]}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function None(): ReactNode {
  return <div style={{ color: theme.colors.text.secondary, textAlign: 'center', paddingTop: 24 }}>No data</div>;
}

export const PANELS: Record<string, (shown: Shown) => ReactNode> = {
  stat: Stat,
  timeseries: Lines,
  heatmap: Heatmap,
  'state-timeline': States,
  table: Rows,
};
