// Small builders for Grafana's dashboard JSON: a panel says what it shows, the layout is counted out here.

const prometheus = { type: 'prometheus', uid: 'holdfast-prometheus' };
const tempo = { type: 'tempo', uid: 'holdfast-tempo' };
const COLUMNS = 24;
const HEIGHT = 7;

/** A metric of ours by its short name, so that dashboards and `counter('…')` in the sources can be compared. */
export const metric = (name, labels = '') => `holdfast_${name}${labels && `{${labels}}`}`;

/** How fast a counter rises, by these labels. */
export const perSecond = (name, by) => `sum by (${by}) (rate(${metric(name)}[$__rate_interval]))`;

/** A quantile of a histogram, by these labels. */
export const quantile = (q, name, by) =>
  `histogram_quantile(${q}, sum by (le, ${by}) (rate(${metric(`${name}_bucket`)}[$__rate_interval])))`;

export const p50and99 = (name, by, legend) => [
  { expr: quantile(0.5, name, by), legend: `p50 ${legend}` },
  { expr: quantile(0.99, name, by), legend: `p99 ${legend}` },
];

/** One metric as it is. */
export const of = (name, legend) => [{ expr: metric(name), legend }];

/** A line over time. `limit`: from there on it is drawn red. */
export function line(title, { means, unit = 'short', series, limit, width = 8 }) {
  return {
    type: 'timeseries',
    title,
    description: means,
    width,
    targets: series,
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        custom: { lineWidth: 1, fillOpacity: 8, thresholdsStyle: { mode: limit === undefined ? 'off' : 'line' } },
        thresholds: thresholds(limit),
      },
      overrides: [],
    },
    options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi', sort: 'desc' } },
  };
}

/** One number that should be 0, red as soon as it is not. */
export function calm(title, { means, expr, width = 4 }) {
  return {
    type: 'stat',
    title,
    description: means,
    width,
    targets: [{ expr, legend: '' }],
    fieldConfig: { defaults: { unit: 'short', noValue: '–', thresholds: thresholds(1) }, overrides: [] },
    options: { colorMode: 'background', graphMode: 'none', reduceOptions: { calcs: ['lastNotNull'] } },
  };
}

/** A strip per series, coloured by value: when was which node how suspect. */
export function strips(title, { means, unit = 'percentunit', series, width = 12 }) {
  return {
    type: 'state-timeline',
    title,
    description: means,
    width,
    targets: series,
    fieldConfig: {
      defaults: {
        unit,
        color: { mode: 'thresholds' },
        thresholds: { mode: 'absolute', steps: steps(['green', null], ['yellow', 0.25], ['orange', 0.6], ['red', 1]) },
      },
      overrides: [],
    },
    options: { mergeValues: true, showValue: 'never', legend: { displayMode: 'list', placement: 'bottom' } },
  };
}

/** Words, for whoever opens the dashboard at night. */
export function text(title, { means, markdown, width = 12 }) {
  return { type: 'text', title, description: means, width, options: { mode: 'markdown', content: markdown } };
}

/** The newest traces that hold such spans; a click opens one. */
export function traces(title, { means, query, width = 12 }) {
  return {
    type: 'table',
    title,
    description: means,
    width,
    datasource: tempo,
    targets: [{ queryType: 'traceql', tableType: 'traces', limit: 20, query }],
    options: { cellHeight: 'sm', showHeader: true },
  };
}

/** Rows of panels, left to right, each row under its title. */
export function dashboard({ uid, title, means, rows }) {
  let y = 0;
  let id = 0;
  const panels = rows.flatMap(({ title: rowTitle, panels: inRow }) => {
    const heading = {
      id: ++id,
      type: 'row',
      title: rowTitle,
      collapsed: false,
      panels: [],
      gridPos: place(0, y++, COLUMNS, 1),
    };
    let x = 0;
    const placed = inRow.map(({ width, targets, ...panel }) => {
      if (x + width > COLUMNS) [x, y] = [0, y + HEIGHT];
      const gridPos = place(x, y, width, HEIGHT);
      x += width;
      const asked = targets && { datasource: prometheus, targets: targets.map(target) };
      return { id: ++id, gridPos, ...asked, ...panel };
    });
    y += HEIGHT;
    return [heading, ...placed];
  });
  return {
    uid,
    title,
    description: means,
    tags: ['holdfast'],
    schemaVersion: 39,
    editable: false,
    graphTooltip: 1,
    refresh: '5s',
    time: { from: 'now-15m', to: 'now' },
    templating: { list: [] },
    annotations: { list: [] },
    panels,
  };
}

const place = (x, y, w, h) => ({ x, y, w, h });
const target = ({ legend, ...asked }, i) => {
  return { refId: String.fromCharCode(65 + i), ...asked, ...(legend !== undefined && { legendFormat: legend }) };
};
const steps = (...pairs) => pairs.map(([color, value]) => ({ color, value }));
const thresholds = (limit) => ({
  mode: 'absolute',
  steps: limit === undefined ? steps(['green', null]) : steps(['green', null], ['red', limit]),
});
