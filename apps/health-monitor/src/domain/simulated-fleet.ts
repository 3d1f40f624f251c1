import { type ClusterId, type Incarnation, type NodeId } from '@holdfast/contracts';
import { fold } from '@holdfast/kernel';
import { clusterHealthDecider } from './cluster-health.decider';
import { initialHealth, type ClusterHealth, type HealthEvent } from './cluster-health';
import type { HealthCommand } from './commands';
import type { Heartbeat } from './node-observer';
import { CANARY_MS, HEARTBEAT_MS, PROBERS_PER_NODE } from './numbers';
import { PartitionObserver, type LogRecord, type Rejection } from './partition-observer';
import { Roster } from './roster';
import { PartitionSight, sightCause } from './sight';

/** For specs: one cluster's partition, beaten into by nodes that die, pause and are cut off at set moments. */
export const ALPHA = 'alpha' as ClusterId;
export const T0 = Date.parse('2026-01-01T00:00:00.000Z');
export const ALPHA_MS = 4_000;

export const node = (name: string): NodeId => name as NodeId;
export const incarnationOf = (name: string, start = 0): Incarnation =>
  `00000000-0000-4000-8000-${String(start).padStart(2, '0')}${Buffer.from(name).toString('hex').padStart(10, '0').slice(-10)}` as Incarnation;

export function heartbeat(name: string, seq: number, more: Partial<Heartbeat> = {}): Heartbeat {
  return {
    clusterId: ALPHA,
    nodeId: node(name),
    incarnation: incarnationOf(name),
    seq,
    sentMonotonicMs: seq * HEARTBEAT_MS,
    watchdogAlive: true,
    ownPauseMs: 0,
    engine: { state: 'ok', qmpMs: 1 },
    media: [],
    daemons: [],
    probes: [],
    load: { iops: 0, bytesPerSec: 0, cpuPercent: 0 },
    ...more,
  };
}

/** Spans are in ms from T0: `[from, to)`. */
type Span = readonly [from: number, to: number];
const within = (spans: readonly Span[] | undefined, ms: number): boolean =>
  (spans ?? []).some(([from, to]) => ms >= from && ms < to);

export interface Script {
  readonly nodes: Readonly<Record<string, { zone?: string; phaseMs?: number }>>;
  readonly untilMs: number;
  /** Neither beats nor answers. */
  readonly dead?: Readonly<Record<string, readonly Span[]>>;
  /** Does not beat, but answers its peers. */
  readonly cut?: Readonly<Record<string, readonly Span[]>>;
  /** Beats, but does not answer its peers: its probe daemon is dead, or the data path to it. */
  readonly unreachable?: Readonly<Record<string, readonly Span[]>>;
  /** A new incarnation begins at these moments. */
  readonly restarts?: Readonly<Record<string, readonly number[]>>;
  /** The broker takes nothing: only the newest beat of each node waits. */
  readonly stalls?: readonly Span[];
  /** The broker's clock steps by so much at a moment. */
  readonly clockSteps?: readonly (readonly [atMs: number, byMs: number])[];
  readonly jitterMs?: (name: string, seq: number) => number;
  readonly report?: (name: string, ms: number) => Partial<Heartbeat>;
}

interface Sent {
  readonly sentMs: number;
  readonly from: string;
  readonly record: Pick<LogRecord, 'heartbeat' | 'canaryOf'>;
}
/** A record and the real moment at which the broker has it. */
interface Delivery {
  readonly realMs: number;
  readonly record: LogRecord;
}

export function deliveriesOf(script: Script, bootId = 'boot'): Delivery[] {
  const sent = [...Object.keys(script.nodes).flatMap((name, index) => beatsOf(script, name, index)), ...canaries()];
  const stalled = (one: Sent) => (script.stalls ?? []).find(([from, to]) => one.sentMs >= from && one.sentMs < to);
  const waiting = new Map<string, Sent>();
  for (const one of sent) if (stalled(one)) waiting.set(`${one.from}@${stalled(one)?.[1]}`, one);
  const kept = sent.filter((one) => !stalled(one) || [...waiting.values()].includes(one));
  return kept
    .map((one) => ({ ...one, realMs: stalled(one)?.[1] ?? one.sentMs }))
    .sort((one, other) => one.realMs - other.realMs)
    .map(({ realMs, record }, index) => {
      const stepped = (script.clockSteps ?? []).reduce((sum, [atMs, byMs]) => (realMs >= atMs ? sum + byMs : sum), 0);
      return { realMs, record: { offset: String(index), bytes: 500, appendedAtMs: T0 + realMs + stepped, ...record } };
    });

  function canaries(): Sent[] {
    const count = Math.floor(script.untilMs / CANARY_MS);
    return Array.from({ length: count }, (_, i) => ({
      sentMs: i * CANARY_MS,
      from: 'canary',
      record: { canaryOf: bootId },
    }));
  }
}

function beatsOf(script: Script, name: string, index: number): Sent[] {
  const phaseMs = script.nodes[name]?.phaseMs ?? (index * 277 + 31) % HEARTBEAT_MS;
  const restarts = script.restarts?.[name] ?? [];
  const sent: Sent[] = [];
  let seq = 0;
  let start = 0;
  for (let sentMs = phaseMs; sentMs < script.untilMs; sentMs += HEARTBEAT_MS) {
    const starts = restarts.filter((ms) => ms <= sentMs).length;
    if (starts !== start) [seq, start] = [0, starts];
    if (within(script.dead?.[name], sentMs)) continue;
    seq += 1;
    if (within(script.cut?.[name], sentMs)) continue;
    const beat = heartbeat(name, seq, {
      incarnation: incarnationOf(name, start),
      probes: probesOf(script, name, sentMs),
      ...script.report?.(name, sentMs),
    });
    sent.push({ sentMs: sentMs + (script.jitterMs?.(name, seq) ?? 5), from: name, record: { heartbeat: beat } });
  }
  return sent;
}

const PROBE_AGE_MS = 200;

function probesOf(script: Script, prober: string, sentMs: number): Heartbeat['probes'] {
  const names = Object.keys(script.nodes);
  const own = names.indexOf(prober);
  return [...names.slice(own + 1), ...names.slice(0, own)].slice(0, PROBERS_PER_NODE).map((name) => {
    const probedMs = sentMs - PROBE_AGE_MS;
    const answers = !within(script.dead?.[name], probedMs) && !within(script.unreachable?.[name], probedMs);
    const outcome = answers ? 'reached' : 'timeout';
    return { nodeId: node(name), outcome, ageMs: PROBE_AGE_MS, ms: 40 } as const;
  });
}

/** The observer's process, without its process: what a record leads to, by the same steps. */
export class SimulatedObserver {
  readonly events: HealthEvent[] = [];
  readonly rejected: Rejection[] = [];
  readonly observer: PartitionObserver;
  private sight = new PartitionSight(0);
  halted = false;

  constructor(
    nodes: Script['nodes'],
    public state: ClusterHealth = initialHealth,
    private readonly bootId = 'boot',
    readonly alphaMs = ALPHA_MS,
  ) {
    const roster = new Roster(() => 0);
    roster.set(ALPHA, Object.keys(nodes).map(node));
    this.observer = new PartitionObserver({ partition: 0, alphaMs, bootId: this.bootId, roster });
    for (const [index, [name, { zone }]] of Object.entries(nodes).entries()) {
      const place = { zone: zone ?? 'z1', dataAddress: `127.0.0.${index + 1}`, atMs: T0 };
      this.handle({ type: 'WatchNode', clusterId: ALPHA, nodeId: node(name), ...place });
    }
    this.events.length = 0;
  }

  read(record: LogRecord, realMs?: number): void {
    const before = this.observer.clock.ms;
    const rejection = this.observer.observe(record);
    if (rejection) this.rejected.push(rejection);
    const moved = this.observer.clock.ms > before;
    if (realMs !== undefined) this.sight.note({ moved, atEnd: true, logAppendTime: true }, realMs);
    this.look(realMs);
    if (this.observer.judges) this.handle(this.judgement());
  }

  /** The tick of the monotonic clock. */
  look(realMs: number | undefined): void {
    if (realMs === undefined) return;
    const blindness = this.sight.blindness(realMs);
    const { ms: atMs, started } = this.observer.clock;
    if (!started) return;
    if (blindness) {
      const cause = sightCause(blindness, [this.sight.stillMs(realMs)]);
      this.handle({ type: 'LoseSight', clusterId: ALPHA, atMs, cause });
    } else this.handle({ type: 'RegainSight', clusterId: ALPHA, atMs, alphaMs: this.alphaMs });
  }

  handle(command: HealthCommand): HealthEvent[] {
    const events = clusterHealthDecider.decide(command, this.state);
    this.state = fold(clusterHealthDecider, events, this.state);
    this.events.push(...events);
    return events;
  }

  judgement(): HealthCommand {
    const { halted, alphaMs } = this;
    const measurement = this.observer.measure(ALPHA);
    return { type: 'JudgeCluster', clusterId: ALPHA, observerId: 'o1', halted, alphaMs, measurement };
  }
}

/** Plays a script in real time, ticks included. */
export function play(script: Script, observer = new SimulatedObserver(script.nodes)): SimulatedObserver {
  const deliveries = deliveriesOf(script);
  let next = 0;
  for (let realMs = 0; realMs <= script.untilMs; realMs += CANARY_MS) {
    for (let one = deliveries[next]; one && one.realMs <= realMs; one = deliveries[++next]) {
      observer.read(one.record, one.realMs);
    }
    observer.look(realMs);
  }
  return observer;
}

/** Events as `type node` at ms from T0, without plans: short enough to compare whole. */
export function told(events: readonly HealthEvent[]): string[] {
  return events
    .filter(({ type }) => type !== 'ProbePlanIssued')
    .map(({ type, data }) => {
      return 'nodeId' in data ? `${type} ${data.nodeId}` : type;
    });
}

export const atOf = (event: HealthEvent | undefined): number => (event ? Date.parse(event.data.at) - T0 : NaN);
