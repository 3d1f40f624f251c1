import type { RequestId } from '@holdfast/contracts';
import fc from 'fast-check';
import type { HealthEvent } from './cluster-health';
import {
  ALPHA,
  ALPHA_MS,
  atOf,
  deliveriesOf,
  node,
  play,
  SimulatedObserver,
  T0,
  told,
  type Script,
} from './simulated-fleet';

// The same stories at each run: one that fails, fails again.
fc.configureGlobal({ seed: 20_260_101 });

const FOREVER = Number.MAX_SAFE_INTEGER;
const three: Script['nodes'] = { n1: {}, n2: {}, n3: {} };
const JITTER_MS = 150;
const DAY = 86_400_000;

/** Each beat has its own delay on the way to the broker, always the same for the same seed. */
const jitter = fc.integer().map((seed) => (name: string, seq: number) => {
  const mixed = Math.imul(seed ^ (name.charCodeAt(1) << 8) ^ seq, 0x9e3779b1) >>> 0;
  return mixed % JITTER_MS;
});
const moment = (from: number, to: number) => fc.integer({ min: from, max: to });
const span = (from: number, longest: number) =>
  fc.tuple(moment(from, from + 5_000), moment(0, longest)).map(([start, ms]) => [start, start + ms] as const);

const downs = (events: readonly HealthEvent[]) =>
  events.filter((event): event is Extract<HealthEvent, { type: 'NodeDeclaredDown' }> => {
    return event.type === 'NodeDeclaredDown';
  });
const later = (events: readonly HealthEvent[], ms: number) => events.filter((event) => atOf(event) >= ms);

/** A crash, a cut or a pause, of one node or two. */
const troubled: fc.Arbitrary<Script> = fc
  .record({
    jitterMs: jitter,
    dead: span(20_000, 30_000),
    cut: span(30_000, 20_000),
    unreachable: span(15_000, 30_000),
    twice: fc.boolean(),
  })
  .map(({ jitterMs, dead, cut, unreachable, twice }) => ({
    nodes: three,
    untilMs: 70_000,
    jitterMs,
    dead: { n3: [dead], ...(twice && { n2: [[dead[0] + 700, dead[1]]] }) },
    cut: { n1: [cut] },
    unreachable: { n2: [unreachable] },
  }));

describe('the same log', () => {
  it('gives the same events at any speed', () => {
    fc.assert(
      fc.property(troubled, (script) => {
        const replayed = new SimulatedObserver(script.nodes);
        for (const { record } of deliveriesOf(script)) replayed.read(record);
        expect(replayed.events).toEqual(play(script).events);
      }),
      { numRuns: 15 },
    );
  });

  it('gives the same verdicts wherever a new observer takes over', () => {
    fc.assert(
      fc.property(troubled, moment(15_000, 65_000), (script, takeoverMs) => {
        const deliveries = deliveriesOf(script);
        const whole = new SimulatedObserver(script.nodes);
        for (const { record } of deliveries) whole.read(record);

        const first = new SimulatedObserver(script.nodes);
        for (const { record, realMs } of deliveries) if (realMs < takeoverMs) first.read(record);
        const second = new SimulatedObserver(script.nodes, first.state, 'second');
        for (const { record, realMs } of deliveries) {
          if (realMs < takeoverMs - 65_000) continue;
          const canary = record.canaryOf && realMs >= takeoverMs ? { canaryOf: 'second' } : {};
          second.read({ ...record, ...canary });
        }
        expect(told([...first.events, ...second.events])).toEqual(told(whole.events));
      }),
      { numRuns: 25 },
    );
  });
});

describe('a fault of the pipeline alone', () => {
  const pipeline = fc.record({
    jitterMs: jitter,
    stalls: fc.array(
      moment(0, 2).chain((n) => span(20_000 + n * 13_000, 8_000)),
      { maxLength: 2 },
    ),
    clockSteps: fc.array(fc.tuple(moment(15_000, 55_000), fc.constantFrom(900, 1_500, 5_000, 3_600_000, DAY)), {
      maxLength: 2,
    }),
    back: fc.array(fc.tuple(moment(15_000, 55_000), fc.constantFrom(-900, -1_500, -5_000, -3_600_000)), {
      maxLength: 1,
    }),
  });

  it('tells of sight and of nothing else (H1, H3)', () => {
    fc.assert(
      fc.property(pipeline, ({ back, clockSteps, ...faults }) => {
        const { events } = play({ nodes: three, untilMs: 70_000, ...faults, clockSteps: [...clockSteps, ...back] });
        const since = told(later(events, 10_000)).filter((line) => !line.startsWith('NodeRecovered'));
        expect(since.filter((line) => !line.startsWith('ClusterSight'))).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it('of less than 2 s is not even told', () => {
    const { events } = play({ nodes: three, untilMs: 60_000, stalls: [[20_000, 21_700]] });
    expect(told(later(events, 10_000))).toEqual([]);
  });

  it('of 3 s or 30 s loses sight, regains it, and tells how long consumers should hold', () => {
    for (const stallMs of [3_000, 30_000]) {
      const { events } = play({ nodes: three, untilMs: 90_000, stalls: [[20_000, 20_000 + stallMs]] });
      const since = later(events, 10_000);
      expect(told(since)).toEqual(['ClusterSightLost', 'ClusterSightRegained']);
      expect(since[1]?.data).toMatchObject({ sightHoldMs: ALPHA_MS });
    }
  });

  it('gives a node that died while we were blind its whole waiting time', () => {
    const script = {
      nodes: three,
      untilMs: 60_000,
      stalls: [[20_000, 30_000]] as const,
      dead: { n3: [[20_000, FOREVER]] },
    };
    const { events } = play(script as unknown as Script);
    const down = downs(events)[0];
    const sightMs = atOf(events.find(({ type }) => type === 'ClusterSightRegained'));
    expect(atOf(down)).toBeGreaterThanOrEqual(sightMs + ALPHA_MS);
    expect(atOf(down)).toBeLessThanOrEqual(sightMs + ALPHA_MS + 250);
  });
});

describe('failures', () => {
  it('are declared within η + α + a canary when two peers see them (H4)', () => {
    fc.assert(
      fc.property(jitter, moment(20_000, 30_000), (jitterMs, crashMs) => {
        const { events } = play({ nodes: three, untilMs: 40_000, jitterMs, dead: { n2: [[crashMs, FOREVER]] } });
        expect(downs(events).map(({ data }) => data.nodeId)).toEqual(['n2']);
        expect(atOf(downs(events)[0]) - crashMs).toBeLessThanOrEqual(1_000 + ALPHA_MS + 250 + JITTER_MS);
        expect(atOf(downs(events)[0]) - crashMs).toBeGreaterThanOrEqual(ALPHA_MS);
      }),
      { numRuns: 25 },
    );
  });

  it('are declared with failing peers only, and never more than the limit at once (H2)', () => {
    const nodes = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`n${i + 1}`, { zone: `z${i % 2}` }]));
    const names = fc.subarray(Object.keys(nodes), { minLength: 1 });
    fc.assert(
      fc.property(jitter, names, moment(0, 1_500), (jitterMs, victims, spreadMs) => {
        const dead = Object.fromEntries(
          victims.map((name, i) => [name, [[25_000 + (i * spreadMs) / victims.length, FOREVER] as const]]),
        );
        const { events } = play({ nodes, untilMs: 40_000, jitterMs, dead });
        for (const { data } of downs(events)) {
          expect(data.evidence.peers.length).toBeGreaterThan(0);
          expect(data.evidence.peers.every(({ outcome }) => outcome !== 'reached')).toBe(true);
        }
        expect(downs(events).length).toBe(victims.length > 2 ? 0 : victims.length);
      }),
      { numRuns: 15 },
    );
  });

  it('lead to no verdict while automation is halted (H5)', () => {
    fc.assert(
      fc.property(troubled, (script) => {
        const observer = new SimulatedObserver(script.nodes);
        observer.halted = true;
        play(script, observer);
        const verdicts = observer.events.filter(({ type }) => /DeclaredDown|Found/.test(type));
        expect(verdicts).toEqual([]);
      }),
      { numRuns: 15 },
    );
  });

  it('lead to no verdict about a node in maintenance (H5)', () => {
    fc.assert(
      fc.property(troubled, fc.subarray(['n1', 'n2', 'n3'], { minLength: 1 }), (script, names) => {
        const observer = new SimulatedObserver(script.nodes);
        const asked = { forMs: 3_600_000, drain: false, by: 'a person', reason: 'new disks', atMs: T0 };
        const requestId = '00000000-0000-4000-8000-00000000000a' as RequestId;
        for (const name of names) {
          observer.handle({ type: 'StartMaintenance', clusterId: ALPHA, nodeId: node(name), requestId, ...asked });
        }
        play(script, observer);
        const aboutThem = observer.events.filter(({ data }) => 'nodeId' in data && names.includes(data.nodeId));
        expect(aboutThem.filter(({ type }) => /DeclaredDown|Found|Suspected/.test(type))).toEqual([]);
      }),
      { numRuns: 15 },
    );
  });

  it('are not what a restart of all agents is (H6)', () => {
    const starts = fc.tuple(moment(0, 20_000), moment(0, 900), moment(0, 900), moment(0, 900));
    fc.assert(
      fc.property(jitter, starts, (jitterMs, [goneMs, ...offsets]) => {
        const gone = (i: number) => [20_000 + (offsets[i] ?? 0), 20_900 + goneMs] as const;
        const dead = { n1: [gone(0)], n2: [gone(1)], n3: [gone(2)] };
        const restarts = { n1: [20_900 + goneMs], n2: [20_900 + goneMs], n3: [20_900 + goneMs] };
        const { events } = play({ nodes: three, untilMs: 50_000, jitterMs, dead, restarts });
        expect(downs(events)).toEqual([]);
        expect(events.filter(({ type }) => type === 'NodeRestarted')).toHaveLength(3);
      }),
      { numRuns: 25 },
    );
  });
});
