import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
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
  datasource?: { type: string };
  targets?: { expr?: string; query?: string }[];
}

const dashboards = readdirSync(folder).map((name) => ({
  name,
  panels: (JSON.parse(readFileSync(join(folder, name), 'utf8')) as { panels: Panel[] }).panels,
}));
const panels = dashboards.flatMap((dashboard) => dashboard.panels);
const asked = (field: 'expr' | 'query') =>
  panels.flatMap(({ targets = [] }) => targets.flatMap((target) => target[field] ?? []));
/** PromQL, and TraceQL. */
const expressions = asked('expr');
const traceQueries = asked('query');

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

  it('group only by labels that their metrics carry', () => {
    // Every process names its service, and Prometheus the bucket.
    const labelsOf = new Map(made.map(({ name, labels }) => [name, ['service', 'le', ...labels.split(',')]]));
    const grouped = expressions.flatMap((expr) => [
      ...expr.matchAll(/by \(([^)]*)\) \((?:\w+\()*holdfast_([a-z_]+?)(?:_bucket)?\b(?!_)/g),
    ]);
    const foreign = grouped.filter(([, labels = '', name = '']) => {
      return labels.split(', ').some((label) => !labelsOf.get(name)?.includes(label));
    });
    expect(foreign.map(([found]) => found)).toEqual([]);
    expect(grouped.length).toBeGreaterThan(0);
  });

  it('never group by ids of events, tasks or migrations', () => {
    expect(expressions.filter((expr) => /(event|task|migration)_?id/i.test(expr))).toEqual([]);
  });

  it('close what they open', () => {
    const odd = (expr: string, open: string, close: string) => expr.split(open).length !== expr.split(close).length;
    const isOpen = (expr: string) => odd(expr, '(', ')') || odd(expr, '[', ']') || odd(expr, '{', '}');
    const isInText = (expr: string) => expr.split('"').length % 2 === 0;
    expect([...expressions, ...traceQueries].filter((expr) => isOpen(expr) || isInText(expr))).toEqual([]);
  });

  it('ask the traces for spans of services and names that exist, and the metrics for numbers', () => {
    const ofType = (type: string) => panels.filter(({ datasource }) => datasource?.type === type);
    expect(ofType('tempo').flatMap(({ targets = [] }) => targets.map(({ query }) => query))).toEqual(traceQueries);
    expect(ofType('prometheus').flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))).toEqual(expressions);
    const services = traceQueries.flatMap((query) => [...query.matchAll(/service\.name = "([^"]+)"/g)]);
    expect(services.map(([, name = '']) => name).filter((name) => !existsSync(join(top, 'apps', name)))).toEqual([]);
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
