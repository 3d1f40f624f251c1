import type { ClusterId } from '@holdfast/contracts';
import { RecordBatch } from '@holdfast/messaging';
import { encodeSample } from '@holdfast/messaging/agent';
import type { Clusters } from './clusters';
import { initialHealth } from './domain/cluster-health';
import type { HealthCommand } from './domain/commands';
import { Roster } from './domain/roster';
import { heartbeat, node } from './domain/simulated-fleet';
import type { Halts } from './halts';
import { Observer } from './observer';
import type { Rejections } from './rejections';

const BOOT = '00000000-0000-4000-8000-000000000001';
const ALPHA = 'alpha' as ClusterId;

/** The observer on one partition, with what it wanted done and what it dropped. */
function observing(handle: (command: HealthCommand) => Promise<void> = () => Promise.resolve()) {
  const roster = new Roster(() => 0);
  roster.set(ALPHA, [node('n1')]);
  const commands: HealthCommand[] = [];
  const dropped: string[] = [];
  const clusters = {
    roster,
    stateOf: () => initialHealth,
    handle: (command: HealthCommand) => handle(command).then(() => void commands.push(command)),
  } as unknown as Clusters;
  const observer = new Observer({
    clusters,
    halts: { holds: () => false } as unknown as Halts,
    rejections: { count: (reason, subject) => void dropped.push(`${reason} ${subject}`) } as Rejections,
    partitions: 1,
    alphaMs: 4_000,
    observerId: 'o1',
    bootId: BOOT,
  });
  return { observer, commands, dropped };
}

interface Sent {
  type?: string;
  data: object;
  source?: string;
  key?: string;
  atMs?: number;
}

const canary = (atMs: number): Sent => ({
  type: 'LogCanaryObserved',
  data: { observerId: 'o1', bootId: BOOT, seq: 1 },
  source: '/services/health-monitor',
  key: 'canary',
  atMs,
});

function batchOf(records: readonly Sent[], timestampType = 1, firstOffset = 0): RecordBatch {
  const messages = records.map(
    ({ type = 'HeartbeatObserved', data, source = '/nodes/n1', key = 'alpha', atMs = 0 }, i) => {
      const sample = { id: BOOT, at: '2026-01-01T00:00:00.000Z', type, schemaVersion: 1, data, key, source };
      const { value, headers } = encodeSample({ ...sample, subject: source.slice(1) });
      const place = { offset: String(firstOffset + i), timestamp: String(1_000_000 + atMs), attributes: 0 };
      return { key: Buffer.from(key), value: Buffer.from(value), headers, ...place, batchContext: { timestampType } };
    },
  );
  return new RecordBatch({ topic: 'holdfast.samples', partition: 0, messages }, 1);
}

describe('the observer', () => {
  it('judges after each record once its own canary has come back', async () => {
    const { observer, commands } = observing();
    await observer.take(batchOf([{ data: heartbeat('n1', 1) }, canary(4_000), canary(4_250)]));
    expect(commands.filter(({ type }) => type === 'JudgeCluster')).toHaveLength(2);
    await expect(observer.ready).resolves.toBeUndefined();
  });

  it.each([
    ['speaks for another', { data: heartbeat('n1', 1), source: '/nodes/n2' }, 'foreignSource nodes/n2'],
    ['is of a node that nobody watches', { data: heartbeat('n9', 1), source: '/nodes/n9' }, 'unknownNode nodes/n9'],
    ['lacks a field', { data: { nodeId: 'n1' } }, 'invalid nodes/n1'],
    ['has a number that is none', { data: heartbeat('n1', -1) }, 'invalid nodes/n1'],
  ])('drops a heartbeat that %s', async (_name, record, expected) => {
    const { observer, dropped } = observing();
    await observer.take(batchOf([record]));
    expect(dropped).toEqual([expected]);
    expect(observer.measure(ALPHA).nodes[0]?.beat).toBeNull();
  });

  it('goes on where it was when a batch that failed half way is given again', async () => {
    let storeIsAway = true;
    const { observer, commands } = observing((command) =>
      storeIsAway && command.type === 'JudgeCluster' ? Promise.reject(new Error('away')) : Promise.resolve(),
    );
    const batch = batchOf([canary(0), { data: heartbeat('n1', 1), atMs: 10 }, canary(4_000), canary(4_250)]);
    await expect(observer.take(batch)).rejects.toThrow('away');
    storeIsAway = false;
    await observer.take(batch);
    expect(commands.filter(({ type }) => type === 'JudgeCluster')).toHaveLength(1);
    expect(observer.measure(ALPHA).nodes[0]?.beat?.seq).toBe(1);
  });

  it('is blind as soon as times are the senders’', async () => {
    const { observer, commands } = observing();
    await observer.take(batchOf([canary(0)], 0));
    await observer.lookAtAll();
    expect(commands.at(-1)).toMatchObject({ type: 'LoseSight', cause: 'timestampType' });
  });

  it('sees again when they are the broker’s', async () => {
    const { observer, commands } = observing();
    await observer.take(batchOf([canary(0)], 0));
    await observer.take(batchOf([canary(250)], 1, 1));
    await observer.lookAtAll();
    expect(commands.at(-1)).toMatchObject({ type: 'RegainSight', alphaMs: 4_000 });
  });
});
