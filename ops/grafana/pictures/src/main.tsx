/** A dashboard as its file describes it, with what Prometheus holds of the last so many seconds. */
import { type DataFrame, ThemeContext } from '@grafana/data';
import { GlobalStyles, PanelChrome } from '@grafana/ui';
import { type ReactNode, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { type Dashboard, frames, type Panel, type Range, theme } from './data';
import { PANELS } from './panels';

const [WIDTH, ROW, GAP] = [1600, 30, 8];

interface Drawn {
  dashboard: Dashboard;
  range: Range;
  frames: Map<number, DataFrame[]>;
}

async function read(): Promise<Drawn> {
  const asked = new URLSearchParams(window.location.search);
  const dashboard: Dashboard = await (await fetch(`/${asked.get('dashboard')}`)).json();
  const to = Math.floor(Date.now() / 1000);
  const range = { from: to - Number(asked.get('seconds')), to };
  const all = dashboard.panels.map(async (panel) => [panel.id, await frames(panel, range)] as const);
  return { dashboard, range, frames: new Map(await Promise.all(all)) };
}

function Placed({ panel, drawn }: { panel: Panel; drawn: Drawn }): ReactNode {
  const { x, y, w, h } = panel.gridPos;
  const column = WIDTH / 24;
  const [width, height] = [w * column - GAP, h * (ROW + GAP) - GAP];
  const place = { position: 'absolute', left: x * column, top: y * (ROW + GAP), width, height } as const;
  if (panel.type === 'row') return <h3 style={{ ...place, paddingTop: 6 }}>{panel.title}</h3>;
  const Shown = PANELS[panel.type];
  if (!Shown) throw new Error(`no ${panel.type} can be drawn`);
  return (
    <div style={place} data-panel={panel.title}>
      <PanelChrome title={panel.title} width={width} height={height}>
        {(inner, outer) => (
          <Shown
            panel={panel}
            frames={drawn.frames.get(panel.id) ?? []}
            range={drawn.range}
            width={inner}
            height={outer}
          />
        )}
      </PanelChrome>
    </div>
  );
}

function Page(): ReactNode {
  const [drawn, setDrawn] = useState<Drawn>();
  useEffect(() => {
    read().then(setDrawn, reportError);
  }, []);
  if (!drawn) return null;
  const rows = Math.max(...drawn.dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  return (
    <main style={{ width: WIDTH, padding: 16, boxSizing: 'content-box' }}>
      <h1>{drawn.dashboard.title}</h1>
      <p>{drawn.dashboard.description}</p>
      <div style={{ position: 'relative', height: rows * (ROW + GAP) }}>
        {drawn.dashboard.panels.map((panel) => (
          <Placed key={panel.id} panel={panel} drawn={drawn} />
        ))}
      </div>
    </main>
  );
}

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <Page />
    </ThemeContext.Provider>,
  );
}
