import { ALPHA, ALPHA_MS, atOf, deliveriesOf, play, T0, told, type Script, SimulatedObserver } from './simulated-fleet';
import type { HealthEvent } from './cluster-health';

const three: Script['nodes'] = { n1: {}, n2: {}, n3: {} };
const sixty = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`n${i + 1}`, {}]));
const FOREVER = Number.MAX_SAFE_INTEGER;
const after = (events: readonly HealthEvent[], ms: number) => told(events.filter((event) => atOf(event) >= ms));
const find = <T extends HealthEvent['type']>(events: readonly HealthEvent[], type: T) =>
  events.find((event): event is Extract<HealthEvent, { type: T }> => event.type === type);

describe('a silent node', () => {
  it('is suspected at its deadline and down by the word of two peers', () => {
    const { events } = play({ nodes: three, untilMs: 30_000, dead: { n3: [[20_000, FOREVER]] } });
    expect(after(events, 20_000)).toEqual(['NodeSuspected n3', 'NodeDeclaredDown n3']);
    const down = find(events, 'NodeDeclaredDown');
    // Its last beat came at 19,585 + 5: the next was due a second later, and α is 4 s.
    expect(atOf(down)).toBeGreaterThanOrEqual(24_590);
    expect(atOf(down)).toBeLessThanOrEqual(24_590 + 250);
    expect(down?.data.evidence).toMatchObject({ rule: 'twoPeersFail', lateNodes: 1, limit: 1 });
    expect(down?.data.evidence.peers.map(({ nodeId, outcome }) => [nodeId, outcome])).toEqual([
      ['n1', 'timeout'],
      ['n2', 'timeout'],
    ]);
  });

  it('of two nodes is down half of the waiting time later, by one peer', () => {
    const { events } = play({ nodes: { n1: {}, n2: {} }, untilMs: 30_000, dead: { n2: [[20_000, FOREVER]] } });
    const [suspected, down] = [find(events, 'NodeSuspected'), find(events, 'NodeDeclaredDown')];
    expect(down?.data.evidence.rule).toBe('onePeerFails');
    const deadlineMs = Date.parse(suspected?.data.deadlineAt ?? '') + ALPHA_MS / 2;
    expect(Date.parse(down?.data.at ?? '')).toBeGreaterThanOrEqual(deadlineMs);
    expect(Date.parse(down?.data.at ?? '')).toBeLessThanOrEqual(deadlineMs + 250);
  });

  it('that is alone stays suspect: absence alone decides nothing', () => {
    const { events, state } = play({ nodes: { n1: {} }, untilMs: 60_000, dead: { n1: [[20_000, FOREVER]] } });
    expect(after(events, 20_000)).toEqual(['ClusterFrozen', 'NodeSuspected n1', 'VerdictWithheld n1']);
    expect(find(events, 'VerdictWithheld')?.data).toMatchObject({ verdict: 'down', brake: 'noEvidence' });
    expect(state.nodes['n1']?.status).toBe('suspect');
  });

  it('that a peer reaches is isolated, and healthy after beating for three seconds', () => {
    const { events } = play({ nodes: three, untilMs: 50_000, cut: { n3: [[20_000, 40_000]] } });
    expect(after(events, 20_000)).toEqual(['NodeSuspected n3', 'NodeFoundIsolated n3', 'NodeRecovered n3']);
    const firstBeatMs = 40_585 + 5;
    expect(atOf(find(events.slice(-1), 'NodeRecovered'))).toBeGreaterThanOrEqual(firstBeatMs + 3_000);
    expect(atOf(find(events.slice(-1), 'NodeRecovered'))).toBeLessThanOrEqual(firstBeatMs + 3_250);
  });

  it('that was isolated is down once no peer reaches it', () => {
    const { events } = play({
      nodes: three,
      untilMs: 50_000,
      cut: { n3: [[20_000, FOREVER]] },
      dead: { n3: [[35_000, FOREVER]] },
    });
    expect(after(events, 30_000)).toEqual(['NodeDeclaredDown n3']);
  });

  it('is healthy again with its first beat while it is only suspected', () => {
    const { events } = play({ nodes: { n1: {}, n2: {} }, untilMs: 40_000, dead: { n2: [[20_000, 25_290]] } });
    expect(after(events, 20_000)).toEqual(['NodeSuspected n2', 'NodeSuspicionWithdrawn n2']);
    expect(find(events, 'NodeSuspicionWithdrawn')?.data.reason).toBe('heartbeat');
  });

  it('returns from down after three beats in a row', () => {
    const { events } = play({ nodes: three, untilMs: 60_000, dead: { n3: [[20_000, 40_000]] } });
    const recovered = events.filter(({ type }) => type === 'NodeRecovered').at(-1);
    expect(recovered?.data).toMatchObject({ nodeId: 'n3', fromStatus: 'down' });
    expect(atOf(recovered)).toBe(42_585 + 5);
  });

  it.each([
    ['shorter than the silence was declared wrongly', 100, true],
    ['as long as the silence was rightly declared', 30_000, false],
  ])('with an own pause %s', (_name, ownPauseMs, declaredWrongly) => {
    const report = (name: string) => (name === 'n3' ? { ownPauseMs } : {});
    const { events } = play({ nodes: three, untilMs: 50_000, dead: { n3: [[20_000, 40_000]] }, report });
    expect(events.filter(({ type }) => type === 'NodeRecovered').at(-1)?.data).toMatchObject({ declaredWrongly });
  });

  it('that begins anew was rightly declared: what was silent is dead', () => {
    const dead = { n3: [[20_000, 40_000] as const] };
    const { events } = play({ nodes: three, untilMs: 50_000, dead, restarts: { n3: [40_000] } });
    expect(find(events, 'NodeRestarted')).toBeDefined();
    const recovered = events.filter(({ type }) => type === 'NodeRecovered').at(-1);
    expect(recovered?.data).toMatchObject({ fromStatus: 'down', declaredWrongly: false });
  });
});

describe('a beating node', () => {
  it('opens with its first beat, and gets a probe plan', () => {
    const { events } = play({ nodes: { n1: {} }, untilMs: 6_000 });
    expect(events.map(({ type }) => type)).toEqual(['NodeRecovered', 'ProbePlanIssued']);
    expect(events[0]?.data).toMatchObject({ fromStatus: 'joining', holdMs: 0, declaredWrongly: false });
  });

  it('is never declared down before it has joined', () => {
    const { events, state } = play({ nodes: three, untilMs: 60_000, dead: { n3: [[0, FOREVER]] } });
    expect(told(events)).toEqual(['NodeRecovered n1', 'NodeRecovered n2']);
    expect(state.nodes['n3']?.status).toBe('joining');
  });

  it('with a new incarnation is reported, keeps its status and gets a probe plan', () => {
    const { events } = play({ nodes: three, untilMs: 40_000, restarts: { n2: [20_000] } });
    const since = events.filter((event) => atOf(event) >= 20_000);
    expect(since.map(({ type }) => type)).toEqual(['NodeRestarted', 'ProbePlanIssued']);
  });

  it.each([
    ['engine', 'ENGINE_DEAD', { engine: { state: 'dead', qmpMs: null } }],
    ['media', 'MEDIUM_DEAD', { media: [{ mediaId: 'm1', state: 'dead', freeBytes: 0 }] }],
    ['agent', 'AGENT_BLOCKED', { engine: { state: 'blocked', qmpMs: 1 } }],
    ['agent', 'JOURNAL_FAILED', { engine: { state: 'journalFailed', qmpMs: 1 } }],
  ] as const)('that reports its %s (%s) is impaired at once, and healthy 60 s after', (part, code, fault) => {
    const report = (name: string, ms: number) =>
      name === 'n1' && ms >= 20_000 && ms < 30_000 ? (structuredClone(fault) as object) : {};
    const { events } = play({ nodes: three, untilMs: 100_000, report });
    expect(after(events, 20_000)).toEqual(['NodeFoundImpaired n1', 'NodeRecovered n1']);
    expect(find(events, 'NodeFoundImpaired')?.data).toMatchObject({
      part,
      code,
      evidence: { rule: 'reportedImpaired' },
    });
    expect(atOf(find(events, 'NodeFoundImpaired'))).toBe(20_036);
    expect(atOf(events.at(-1))).toBeGreaterThanOrEqual(29_036 + 60_000);
    expect(atOf(events.at(-1))).toBeLessThanOrEqual(29_036 + 60_250);
  });

  it('that is handing over is not impaired', () => {
    const report = () => ({ engine: { state: 'handingOver' as const, qmpMs: 1 } });
    expect(told(play({ nodes: three, untilMs: 30_000, report }).events)).not.toContain('NodeFoundImpaired n1');
  });

  it.each([
    [9_000, []],
    [10_001, ['NodeFoundImpaired n1']],
  ])('without watchdog for %i ms', (goneMs, expected) => {
    const report = (name: string, ms: number) => ({
      watchdogAlive: !(name === 'n1' && ms >= 20_031 && ms <= 20_031 + goneMs),
    });
    expect(after(play({ nodes: three, untilMs: 40_000, report }).events, 20_000)).toEqual(expected);
  });

  it('that is impaired and falls silent is down by its peers', () => {
    const report = (name: string) => (name === 'n3' ? { engine: { state: 'dead' as const, qmpMs: null } } : {});
    const { events } = play({ nodes: three, untilMs: 40_000, report, dead: { n3: [[20_000, FOREVER]] } });
    expect(after(events, 20_000)).toEqual(['NodeDeclaredDown n3']);
  });
});

describe('brakes', () => {
  it('freezes three nodes when two are late at once, and declares neither', () => {
    const dead = { n2: [[20_000, FOREVER]], n3: [[20_000, FOREVER]] } as const;
    const { events, state } = play({ nodes: three, untilMs: 60_000, dead });
    expect(after(events, 20_000).slice(0, 3)).toEqual(['ClusterFrozen', 'NodeSuspected n2', 'NodeSuspected n3']);
    expect(events.filter(({ type }) => type === 'NodeDeclaredDown')).toEqual([]);
    expect(find(events, 'ClusterFrozen')?.data).toMatchObject({ cause: 'massSilence', limit: 1 });
    expect(find(events, 'VerdictWithheld')?.data).toMatchObject({ brake: 'frozen', verdict: 'down' });
    expect(state.frozen?.cause).toBe('massSilence');
  });

  it.each([
    [6, 6, false],
    [7, 0, true],
  ])('of 60 nodes with %i late declares %i down', (late, downs, frozen) => {
    const dead = Object.fromEntries(Array.from({ length: late }, (_, i) => [`n${i * 7 + 1}`, [[20_000, FOREVER]]]));
    const { events, state } = play({ nodes: sixty, untilMs: 32_000, dead: dead as Script['dead'] & object });
    expect(events.filter(({ type }) => type === 'NodeDeclaredDown')).toHaveLength(downs);
    expect(state.frozen !== null).toBe(frozen);
  });

  it('counts verdicts of the last six seconds with those late now', () => {
    const dead = { n3: [[20_000, FOREVER]], n2: [[24_000, FOREVER]] } as const;
    const { events } = play({ nodes: three, untilMs: 40_000, dead });
    expect(after(events, 20_000).slice(0, 3)).toEqual(['NodeSuspected n3', 'NodeDeclaredDown n3', 'ClusterFrozen']);
    expect(events.filter(({ type }) => type === 'NodeDeclaredDown')).toHaveLength(1);
  });

  it('declares the next failure once the first is long past', () => {
    const dead = { n3: [[20_000, FOREVER]], n2: [[35_000, FOREVER]] } as const;
    const { events } = play({ nodes: three, untilMs: 60_000, dead });
    expect(after(events, 30_000)).toEqual(['NodeSuspected n2', 'NodeDeclaredDown n2']);
  });

  it('thaws when the beats were back for 30 s', () => {
    const dead = { n2: [[20_000, 30_000]], n3: [[20_000, 30_000]] } as const;
    const { events, state } = play({ nodes: three, untilMs: 80_000, dead });
    const thawed = find(events, 'ClusterThawed');
    expect(thawed?.data.by).toBe('beats');
    expect(atOf(thawed)).toBeGreaterThanOrEqual(30_590 + 30_000);
    expect(atOf(thawed)).toBeLessThanOrEqual(30_590 + 30_250);
    expect(state.frozen).toBeNull();
  });

  it('names all silent when canaries alone flow', () => {
    const dead = { n1: [[20_000, FOREVER]], n2: [[20_000, FOREVER]], n3: [[20_000, FOREVER]] } as const;
    const { events, state } = play({ nodes: three, untilMs: 40_000, dead });
    expect(state.frozen?.cause).toBe('allSilent');
    expect(events.filter(({ type }) => type === 'NodeDeclaredDown')).toEqual([]);
  });

  it('changes nothing for better or worse while sight is lost', () => {
    const dead = { n2: [[20_000, FOREVER]], n3: [[5_000, 15_000]] } as const;
    const report = (name: string, ms: number) =>
      name === 'n1' && ms > 15_000 ? { engine: { state: 'dead' as const, qmpMs: null } } : {};
    const observer = new SimulatedObserver(three);
    const deliveries = deliveriesOf({ nodes: three, untilMs: 40_000, dead, report, restarts: { n3: [15_000] } });
    for (const { record } of deliveries.filter(({ realMs }) => realMs < 12_000)) observer.read(record);
    observer.handle({ type: 'LoseSight', clusterId: ALPHA, atMs: T0 + 12_000, cause: 'partition' });
    const before = observer.state;
    expect(before.nodes['n3']?.status).toBe('down');
    for (const { record } of deliveries.filter(({ realMs }) => realMs >= 12_000)) observer.read(record);
    expect(observer.state).toEqual(before);
  });

  it('withdraws suspicion before it says that it is blind', () => {
    const observer = play({ nodes: { n1: {}, n2: {} }, untilMs: 25_000, dead: { n2: [[20_000, FOREVER]] } });
    expect(observer.state.nodes['n2']?.status).toBe('suspect');
    const lost = observer.handle({ type: 'LoseSight', clusterId: ALPHA, atMs: T0 + 25_000, cause: 'broker' });
    expect(told(lost)).toEqual(['NodeSuspicionWithdrawn n2', 'ClusterSightLost']);
    expect(lost[0]?.data).toMatchObject({ reason: 'blind' });
    expect(observer.handle({ type: 'LoseSight', clusterId: ALPHA, atMs: T0 + 25_250, cause: 'broker' })).toEqual([]);
  });

  it('withholds every verdict while automation is halted, once each', () => {
    const observer = new SimulatedObserver(three);
    observer.halted = true;
    const report = (name: string, ms: number) =>
      name === 'n1' && ms > 15_000 ? { engine: { state: 'dead' as const, qmpMs: null } } : {};
    play({ nodes: three, untilMs: 40_000, report, dead: { n3: [[20_000, FOREVER]] } }, observer);
    expect(after(observer.events, 15_000)).toEqual(['VerdictWithheld n1', 'NodeSuspected n3', 'VerdictWithheld n3']);
    expect(find(observer.events, 'VerdictWithheld')?.data).toMatchObject({ verdict: 'impaired', brake: 'halted' });
  });
});
