import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const top = join(__dirname, '..');
const folder = join(top, 'infra/grafana/dashboards');

/** `counter('name', 'help', ['label'])`, over one line or several. */
const METRIC =
  /\b(counter|gauge|histogram)(?:<[^>]*>)?\(\s*'([a-z_]+)',\s*(?:'(?:[^'\\]|\\.)*'|"[^"]*"),?\s*(?:\[([^\]]*?),?\s*\])?/g;

interface Panel {
  id: number;
  type: string;
  title: string;
  description?: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { expr: string }[];
}

const dashboards = readdirSync(folder).map((name) => ({
  name,
  panels: (JSON.parse(readFileSync(join(folder, name), 'utf8')) as { panels: Panel[] }).panels,
}));
const expressions = dashboards.flatMap(({ panels }) =>
  panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
);

/** A histogram shows as `…_bucket`. */
const named = new Set(
  expressions.flatMap((expr) =>
    [...expr.matchAll(/\bholdfast_([a-z_]+?)(?:_bucket)?\b(?!_)/g)].map(([, name = '']) => name),
  ),
);

/** Every place that makes a metric: its kind, its name and its labels, all written out there. */
const made = ['apps', 'libs'].flatMap((part) =>
  readdirSync(join(top, part), { recursive: true, encoding: 'utf8' })
    .filter((path) => /\/src\/.*(?<!\.spec)\.ts$/.test(path) && !path.includes('node_modules'))
    .flatMap((path) => [...readFileSync(join(top, part, path), 'utf8').matchAll(METRIC)])
    .map(([, kind = '', name = '', labels = '']) => ({ kind, name, labels: labels.replace(/[\s']/g, '') })),
);
const registered = new Set(made.map(({ name }) => name));

describe('the dashboards', () => {
  it('equal what their generator says', () => {
    const { status, stderr } = spawnSync(process.execPath, ['infra/generate.mjs', '--check'], {
      cwd: top,
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('name no metric that nothing registers', () => {
    expect([...named].filter((name) => !registered.has(name))).toEqual([]);
  });

  it('have every registered metric on a panel', () => {
    expect([...registered].filter((name) => !named.has(name))).toEqual([]);
  });

  it('count on metrics that are of one kind, with the same labels, wherever they are made', () => {
    const shapes = new Set(made.map(({ kind, name, labels }) => `${name}: ${kind} [${labels}]`));
    const names = [...shapes].map((shape) => shape.split(':')[0]);
    const differing = [...shapes].filter((_, i) => names.indexOf(names[i]) !== names.lastIndexOf(names[i]));
    expect(differing).toEqual([]);
  });

  it('never group by ids of events, tasks or migrations', () => {
    expect(expressions.filter((expr) => /event_?id|task|migration_?id/i.test(expr))).toEqual([]);
  });

  it('close what they open', () => {
    const depth = (expr: string, open: string, close: string) => expr.split(open).length - expr.split(close).length;
    expect(expressions.filter((expr) => depth(expr, '(', ')') !== 0 || depth(expr, '[', ']') !== 0)).toEqual([]);
  });

  it.each(dashboards)('$name explains each panel, and none covers another', ({ panels }) => {
    expect(panels.filter(({ type, description }) => type !== 'row' && !description)).toEqual([]);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
  });
});
