import type { HealthEvent } from './cluster-health';
import { atOf, play, SimulatedObserver, told, type Script } from './simulated-fleet';

const three: Script['nodes'] = { n1: {}, n2: {}, n3: {} };
const FOREVER = Number.MAX_SAFE_INTEGER;
const after = (events: readonly HealthEvent[], ms: number) => told(events.filter((event) => atOf(event) >= ms));
const cutFrom = (...spans: [number, number][]): Pick<Script, 'unreachable'> => ({ unreachable: { n3: spans } });

describe('a beating node that its peers cannot reach', () => {
  it('is partitioned after three seconds of two failing peers, and healthy 60 s after the last of them', () => {
    const { events } = play({ nodes: three, untilMs: 110_000, ...cutFrom([20_000, 40_000]) });
    expect(after(events, 20_000)).toEqual(['NodeFoundPartitioned n3', 'NodeRecovered n3']);
    const [found, recovered] = events.slice(-2);
    expect(found?.data).toMatchObject({ evidence: { rule: 'peersFail', lateNodes: 0, limit: 1 } });
    // A first miss says nothing; the second one begins the three seconds.
    expect(atOf(found)).toBeGreaterThanOrEqual(20_000 + 1_000 + 3_000);
    expect(atOf(found)).toBeLessThanOrEqual(20_000 + 2_000 + 3_000 + 1_000);
    expect(recovered?.data).toMatchObject({ fromStatus: 'partitioned', holdMs: 0 });
    expect(atOf(recovered)).toBeGreaterThanOrEqual(100_000);
    expect(atOf(recovered)).toBeLessThanOrEqual(101_250);
  });

  it.each([
    ['that lasted two seconds', cutFrom([20_000, 22_000])],
    [
      'that comes and goes each second',
      cutFrom(...Array.from({ length: 9 }, (_, i): [number, number] => [20_000 + i * 2_000, 21_000 + i * 2_000])),
    ],
  ])('stays healthy after a cut %s', (_name, cut) => {
    expect(after(play({ nodes: three, untilMs: 60_000, ...cut }).events, 10_000)).toEqual([]);
  });

  it('stays healthy while one of two peers reaches it', () => {
    // n1 and n3 do not see each other; n2 sees both.
    const report = (name: string, ms: number) => (ms < 20_000 ? {} : { probes: meshWithout('n1', 'n3', name) });
    expect(after(play({ nodes: three, untilMs: 60_000, report }).events, 10_000)).toEqual([]);
  });

  it('of two is partitioned by its one peer, and alone never', () => {
    const pair = play({ nodes: { n2: {}, n3: {} }, untilMs: 30_000, ...cutFrom([20_000, FOREVER]) });
    expect(after(pair.events, 20_000)).toEqual(['NodeFoundPartitioned n3']);
    const alone = play({ nodes: { n3: {} }, untilMs: 30_000, ...cutFrom([20_000, FOREVER]) });
    expect(after(alone.events, 20_000)).toEqual([]);
  });

  it('is not one that stopped beating: what its peers miss after its last beat is evidence of its death', () => {
    const observer = new SimulatedObserver(three, undefined, 'boot', 20_000);
    const { events } = play({ nodes: three, untilMs: 60_000, dead: { n3: [[30_000, FOREVER]] } }, observer);
    expect(after(events, 30_000)).toEqual(['NodeSuspected n3', 'NodeDeclaredDown n3']);
  });

  it('is not one that has just come back: what its peers missed before does not count', () => {
    const { events } = play({
      nodes: three,
      untilMs: 60_000,
      dead: { n3: [[20_000, 40_000]] },
      restarts: { n3: [40_000] },
    });
    expect(after(events, 30_000)).toEqual(['NodeRestarted n3', 'NodeRecovered n3']);
  });

  it('is down once it falls silent and nobody reaches it', () => {
    const script: Script = {
      nodes: three,
      untilMs: 60_000,
      ...cutFrom([20_000, FOREVER]),
      dead: { n3: [[40_000, FOREVER]] },
    };
    const { events, state } = play(script);
    expect(after(events, 20_000)).toEqual(['NodeFoundPartitioned n3', 'NodeDeclaredDown n3']);
    expect(state.nodes['n3']?.status).toBe('down');
  });

  it('stays partitioned when it falls silent and a peer reaches it again', () => {
    const script: Script = {
      nodes: three,
      untilMs: 50_000,
      ...cutFrom([20_000, 30_000]),
      cut: { n3: [[40_000, FOREVER]] },
    };
    const { events, state } = play(script);
    expect(after(events, 20_000)).toEqual(['NodeFoundPartitioned n3']);
    expect(state.nodes['n3']?.status).toBe('partitioned');
  });

  it('is impaired by what it reports, and opens once neither is so for 60 s', () => {
    const report = (name: string, ms: number) =>
      name === 'n3' && ms >= 30_000 && ms < 40_000 ? { engine: { state: 'dead' as const, qmpMs: null } } : {};
    const { events } = play({ nodes: three, untilMs: 130_000, ...cutFrom([20_000, 60_000]), report });
    expect(after(events, 20_000)).toEqual(['NodeFoundPartitioned n3', 'NodeFoundImpaired n3', 'NodeRecovered n3']);
    expect(atOf(events.at(-1))).toBeGreaterThanOrEqual(120_000);
  });

  it('is told as withheld once while automation is halted', () => {
    const observer = new SimulatedObserver(three);
    observer.halted = true;
    play({ nodes: three, untilMs: 60_000, ...cutFrom([20_000, FOREVER]) }, observer);
    expect(after(observer.events, 10_000)).toEqual(['VerdictWithheld n3']);
    expect(observer.events.at(-1)?.data).toMatchObject({ verdict: 'partitioned', brake: 'halted' });
  });
});

describe('the hold of a node', () => {
  it('grows with each down within the hour', () => {
    const dead = { n3: [0, 1, 2].map((i): [number, number] => [20_000 + i * 60_000, 40_000 + i * 60_000]) };
    const { events } = play({ nodes: three, untilMs: 180_000, dead });
    const holds = events.flatMap(({ type, data }) =>
      type === 'NodeRecovered' && data.fromStatus === 'down' ? [data.holdMs] : [],
    );
    expect(holds).toEqual([60_000, 120_000, 240_000]);
  });
});

function meshWithout(one: string, other: string, prober: string) {
  return Object.keys(three)
    .filter((name) => name !== prober)
    .map((name) => {
      const lost = [one, other].includes(name) && [one, other].includes(prober);
      return { nodeId: name as never, outcome: lost ? ('timeout' as const) : ('reached' as const), ageMs: 200, ms: 40 };
    });
}
