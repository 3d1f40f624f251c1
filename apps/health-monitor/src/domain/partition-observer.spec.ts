import { ALPHA, heartbeat, incarnationOf, node, T0 } from './simulated-fleet';
import { PartitionObserver, type LogRecord } from './partition-observer';
import { Roster } from './roster';
import type { ClusterId } from '@holdfast/contracts';

const BETA = 'beta' as ClusterId;

function observer(partition = 0): PartitionObserver {
  const roster = new Roster((cluster) => (cluster === ALPHA ? 0 : 1));
  roster.set(ALPHA, [node('n1')]);
  roster.set(BETA, [node('n2')]);
  return new PartitionObserver({ partition, alphaMs: 4_000, bootId: 'mine', roster });
}

let offset = 0;
const record = (beat: LogRecord['heartbeat'], more: Partial<LogRecord> = {}): LogRecord => ({
  offset: String(offset++),
  appendedAtMs: T0,
  bytes: 500,
  ...(beat && { heartbeat: beat }),
  ...more,
});

describe('a heartbeat that no rule may see', () => {
  it.each([
    ['of a node that nobody watches', 'unknownNode', record(heartbeat('n9', 1)), 0],
    ['under another cluster', 'foreignCluster', record(heartbeat('n1', 1, { clusterId: BETA })), 0],
    ['on another partition', 'wrongPartition', record(heartbeat('n1', 1)), 1],
    ['of 64 KiB and a byte', 'tooLarge', record(heartbeat('n1', 1), { bytes: 65_537 }), 0],
    ['(it may have 64 KiB)', null, record(heartbeat('n1', 1), { bytes: 65_536 }), 0],
  ])('%s', (_name, rejection, one, partition) => {
    expect(observer(partition).observe(one)).toBe(rejection);
  });

  it('is one told twice, or of an incarnation that is over', () => {
    const watching = observer();
    const second = incarnationOf('n1', 1);
    expect(watching.observe(record(heartbeat('n1', 5)))).toBeNull();
    expect(watching.observe(record(heartbeat('n1', 5)))).toBe('replayed');
    expect(watching.observe(record(heartbeat('n1', 4)))).toBe('replayed');
    expect(watching.observe(record(heartbeat('n1', 1, { incarnation: second })))).toBeNull();
    expect(watching.observe(record(heartbeat('n1', 6)))).toBe('replayed');
    expect(watching.measure(ALPHA).nodes[0]?.beat).toMatchObject({ incarnation: second, seq: 1 });
  });

  it('is the 201st within a second of the log', () => {
    const watching = observer();
    const told = Array.from({ length: 201 }, (_, seq) => watching.observe(record(heartbeat('n1', seq))));
    expect(told.slice(0, 200)).toEqual(Array(200).fill(null));
    expect(told[200]).toBe('tooOften');
    expect(watching.observe(record(heartbeat('n1', 999), { appendedAtMs: T0 + 1_000 }))).toBeNull();
  });

  it('moves the log clock all the same', () => {
    const watching = observer();
    watching.observe(record(heartbeat('n9', 1), { appendedAtMs: T0 + 77 }));
    expect(watching.clock.ms).toBe(T0 + 77);
  });
});

describe('a new observer', () => {
  const canary = (boot: string, atMs: number) => record(undefined, { canaryOf: boot, appendedAtMs: T0 + atMs });

  it('judges nobody before its own canary has come back', () => {
    const watching = observer();
    watching.observe(canary('other', 0));
    watching.observe(canary('other', 60_000));
    expect(watching.judges).toBe(false);
    watching.observe(canary('mine', 60_100));
    expect(watching.judges).toBe(true);
  });

  it('judges nobody before one waiting time of the log', () => {
    const watching = observer();
    watching.observe(canary('mine', 0));
    watching.observe(canary('mine', 3_999));
    expect(watching.judges).toBe(false);
    watching.observe(canary('mine', 4_000));
    expect(watching.judges).toBe(true);
  });
});
