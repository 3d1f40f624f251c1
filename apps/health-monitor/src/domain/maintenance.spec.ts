import type { RequestId } from '@holdfast/contracts';
import type { HealthEvent } from './cluster-health';
import { ALPHA, ALPHA_MS, atOf, deliveriesOf, node, SimulatedObserver, T0, told, type Script } from './simulated-fleet';

const three: Script['nodes'] = { n1: {}, n2: {}, n3: {} };
const FOREVER = Number.MAX_SAFE_INTEGER;
const HOUR = 3_600_000;
const requestId = '00000000-0000-4000-8000-00000000000a' as RequestId;
const after = (events: readonly HealthEvent[], ms: number) => told(events.filter((event) => atOf(event) >= ms));

const start = (observer: SimulatedObserver, name: string, forMs: number) =>
  observer.handle({
    type: 'StartMaintenance',
    ...{ clusterId: ALPHA, nodeId: node(name), requestId, atMs: observer.observer.clock.ms },
    ...{ forMs, drain: false, by: 'a person', reason: 'new disks' },
  });
const end = (observer: SimulatedObserver, name: string) =>
  observer.handle({
    type: 'EndMaintenance',
    ...{ clusterId: ALPHA, nodeId: node(name), requestId, atMs: observer.observer.clock.ms },
  });

/** Plays a script by the log alone, with a person's words at set moments. */
function playWith(script: Script, words: Readonly<Record<number, (observer: SimulatedObserver) => unknown>>) {
  const observer = new SimulatedObserver(script.nodes);
  const due = Object.entries(words).map(([ms, say]) => ({ ms: Number(ms), say }));
  for (const { record, realMs } of deliveriesOf(script)) {
    while (due[0] && due[0].ms <= realMs) due.shift()?.say(observer);
    observer.read(record);
  }
  return observer;
}
const inMaintenance = (forMs: number, ...names: string[]) => ({
  18_000: (observer: SimulatedObserver) => names.forEach((name) => start(observer, name, forMs)),
});

describe('a maintenance', () => {
  const calm = () => playWith({ nodes: three, untilMs: 10_000 }, {});

  it('is told with its end on the log clock, by whom and why', () => {
    const observer = calm();
    const { ms } = observer.observer.clock;
    expect(start(observer, 'n1', 2 * HOUR)).toMatchObject([
      {
        type: 'NodeMaintenanceStarted',
        data: { until: new Date(ms + 2 * HOUR).toISOString(), by: 'a person', reason: 'new disks', requestId },
      },
    ]);
  });

  it.each([
    ['of 24 h', 24 * HOUR, 'NodeMaintenanceStarted'],
    ['of a millisecond more', 24 * HOUR + 1, 'NodeMaintenanceRejected'],
  ])('%s is answered by %s', (_name, forMs, type) => {
    const [answer] = start(calm(), 'n1', forMs);
    expect(answer?.type).toBe(type);
    if (type === 'NodeMaintenanceRejected') expect(answer?.data).toMatchObject({ reason: 'MAINTENANCE_TOO_LONG' });
  });

  it('is refused for a node that nobody knows, and cannot end where there is none', () => {
    const observer = calm();
    expect(start(observer, 'n9', HOUR)[0]?.data).toMatchObject({ reason: 'UNKNOWN_NODE' });
    expect(end(observer, 'n9')[0]?.data).toMatchObject({ reason: 'UNKNOWN_NODE' });
    expect(end(observer, 'n1')[0]?.data).toMatchObject({ reason: 'NOT_IN_MAINTENANCE' });
  });

  it('ends by itself with the first record at its end', () => {
    const { events } = playWith({ nodes: three, untilMs: 40_000 }, inMaintenance(10_000, 'n3'));
    expect(after(events, 10_000)).toEqual(['NodeMaintenanceStarted n3', 'NodeMaintenanceEnded n3']);
    const [started, ended] = events.slice(-2);
    const untilMs = started?.type === 'NodeMaintenanceStarted' ? Date.parse(started.data.until) - T0 : NaN;
    expect(ended?.data).toMatchObject({ by: 'time' });
    expect(atOf(ended)).toBeGreaterThanOrEqual(untilMs);
    expect(atOf(ended)).toBeLessThanOrEqual(untilMs + 250);
  });

  it('that is started again ends at the new end', () => {
    const again = { ...inMaintenance(10_000, 'n3'), 20_000: (one: SimulatedObserver) => start(one, 'n3', 2_000) };
    const { events } = playWith({ nodes: three, untilMs: 40_000 }, again);
    expect(after(events, 10_000).slice(-1)).toEqual(['NodeMaintenanceEnded n3']);
    expect(atOf(events.at(-1))).toBeLessThanOrEqual(22_250);
  });

  it('ends by a word', () => {
    const words = { ...inMaintenance(HOUR, 'n3'), 20_000: (one: SimulatedObserver) => end(one, 'n3') };
    const observer = playWith({ nodes: three, untilMs: 30_000 }, words);
    expect(observer.events.at(-1)).toMatchObject({ type: 'NodeMaintenanceEnded', data: { by: 'operator', requestId } });
    expect(end(observer, 'n3')[0]?.data).toMatchObject({ reason: 'NOT_IN_MAINTENANCE' });
  });
});

describe('a node in maintenance', () => {
  const dead = { n3: [[20_000, FOREVER]] } as const;

  it('is neither suspected nor declared when it is switched off: what is withheld is told once', () => {
    const { events, state } = playWith({ nodes: three, untilMs: 60_000, dead }, inMaintenance(HOUR, 'n3'));
    expect(after(events, 20_000)).toEqual(['VerdictWithheld n3']);
    expect(events.at(-1)?.data).toMatchObject({ verdict: 'down', brake: 'maintenance' });
    expect(state.nodes['n3']?.status).toBe('healthy');
  });

  it.each([
    ['its control path is cut', { cut: { n3: [[20_000, FOREVER]] } }, 'isolated'],
    ['its data path is cut', { unreachable: { n3: [[20_000, FOREVER]] } }, 'partitioned'],
    [
      'its engine is stopped',
      {
        report: (name: string, ms: number) =>
          name === 'n3' && ms > 20_000 ? { engine: { state: 'dead', qmpMs: null } } : {},
      },
      'impaired',
    ],
  ])('keeps its status when %s', (_name, trouble, verdict) => {
    const script = { nodes: three, untilMs: 60_000, ...trouble } as Script;
    const { events } = playWith(script, inMaintenance(HOUR, 'n3'));
    expect(after(events, 20_000)).toEqual(['VerdictWithheld n3']);
    expect(events.at(-1)?.data).toMatchObject({ verdict, brake: 'maintenance' });
  });

  it('that beats again before the end is simply there', () => {
    const back = {
      nodes: three,
      untilMs: 60_000,
      dead: { n3: [[20_000, 30_000]] as const },
      restarts: { n3: [30_000] },
    };
    const { events } = playWith(back, inMaintenance(20_000, 'n3'));
    expect(after(events, 20_000)).toEqual(['VerdictWithheld n3', 'NodeRestarted n3', 'NodeMaintenanceEnded n3']);
  });

  it('that is still off at the end has its whole waiting time from there', () => {
    const { events } = playWith({ nodes: three, untilMs: 60_000, dead }, inMaintenance(20_000, 'n3'));
    expect(after(events, 30_000)).toEqual(['NodeMaintenanceEnded n3', 'NodeSuspected n3', 'NodeDeclaredDown n3']);
    const [ended, , down] = events.slice(-3);
    expect(atOf(down) - atOf(ended)).toBeGreaterThanOrEqual(ALPHA_MS);
    expect(atOf(down) - atOf(ended)).toBeLessThanOrEqual(ALPHA_MS + 250);
  });

  it('does not count for the freeze: another that dies meanwhile is declared', () => {
    const both = { n2: [[30_000, FOREVER]], n3: [[20_000, FOREVER]] } as const;
    const nodes = { ...three, n4: {} };
    const { events } = playWith({ nodes, untilMs: 60_000, dead: both }, inMaintenance(HOUR, 'n3'));
    expect(after(events, 28_000)).toEqual(['NodeSuspected n2', 'NodeDeclaredDown n2']);
  });

  it('does not keep a frozen cluster frozen', () => {
    const both = { n2: [[20_000, 30_000]], n3: [[20_000, FOREVER]] } as const;
    const words = { 28_000: (observer: SimulatedObserver) => start(observer, 'n3', HOUR) };
    const { events } = playWith({ nodes: three, untilMs: 80_000, dead: both }, words);
    expect(told(events)).toContain('ClusterFrozen');
    expect(after(events, 55_000)).toEqual(['ClusterThawed']);
  });

  it('is told of again in its next maintenance', () => {
    const twice = [
      [20_000, 28_000],
      [40_000, 48_000],
    ] as const;
    const script: Script = { nodes: three, untilMs: 60_000, dead: { n3: twice } };
    const words = {
      ...inMaintenance(15_000, 'n3'),
      38_000: (observer: SimulatedObserver) => start(observer, 'n3', 15_000),
    };
    const { events } = playWith(script, words);
    expect(told(events).filter((line) => line.startsWith('Verdict'))).toHaveLength(2);
    expect(told(events).filter((line) => /Suspected|Down/.test(line))).toEqual([]);
  });

  it('is told of again when it is off once more after its agent came back', () => {
    const twice = [
      [20_000, 30_000],
      [40_000, FOREVER],
    ] as const;
    const script: Script = { nodes: three, untilMs: 60_000, dead: { n3: twice }, restarts: { n3: [30_000] } };
    const { events } = playWith(script, inMaintenance(HOUR, 'n3'));
    expect(after(events, 20_000)).toEqual(['VerdictWithheld n3', 'NodeRestarted n3', 'VerdictWithheld n3']);
  });

  it('is not among all that are silent, as long as one of the others is to be heard', () => {
    const all = { n1: [[20_000, FOREVER]], n2: [[20_000, FOREVER]], n3: [[20_000, FOREVER]] } as const;
    const whole = playWith({ nodes: three, untilMs: 60_000, dead: all }, inMaintenance(HOUR, 'n1', 'n2', 'n3'));
    expect(whole.state.frozen).toBeNull();
    const others = playWith({ nodes: three, untilMs: 60_000, dead: all }, inMaintenance(HOUR, 'n1'));
    expect(others.state.frozen?.cause).toBe('allSilent');
    const working = playWith({ nodes: three, untilMs: 60_000, dead: { n2: all.n2 } }, inMaintenance(HOUR, 'n1', 'n3'));
    expect(told(working.events)).toContain('NodeDeclaredDown n2');
  });
});
