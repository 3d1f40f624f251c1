import { nodesProjection, type NodeRow } from '../projections/nodes.projection';
import { LatestSamples, type Heartbeat } from '../samples/latest';
import { joined, opened, recovered } from '../testing/fleet';
import { rowsOf, story } from '../testing/told';
import { isSilent, nodeView } from './node.view';

describe('a node', () => {
  const row = rowsOf<NodeRow>(nodesProjection, story(joined('n1'), recovered('n1'), opened('n1'))).get('n1')!;
  const beat = {
    data: {
      nodeId: 'n1',
      incarnation: 'x',
      engine: { state: 'ok', qmpMs: 2 },
      media: [],
      watchdogAlive: true,
    } as unknown as Heartbeat,
    appendedAt: '2026-03-01T10:42:00.000Z',
  };
  const at = (ms: number) => ({ now: Date.parse(beat.appendedAt) + ms, alphaMs: 4_000, listening: true });

  it('shows what is unknown as null', () => {
    expect(nodeView(row, undefined, at(0))).toMatchObject({
      lastHeartbeatAt: null,
      silentMs: null,
      suspicion: null,
      watchdogAlive: null,
    });
  });

  it('uses up its waiting time between the due heartbeat and the deadline', () => {
    expect(nodeView(row, beat, at(1_000))).toMatchObject({ silentMs: 1_000, suspicion: 0, watchdogAlive: true });
    expect(nodeView(row, beat, at(3_000))).toMatchObject({ suspicion: 0.5 });
    expect(nodeView(row, beat, at(5_000))).toMatchObject({ suspicion: 1 });
    expect(nodeView(row, beat, at(60_000))).toMatchObject({ suspicion: 1 });
  });

  it('says nothing of engine and watchdog once it is down, or silent for longer than its deadline', () => {
    const unknown = { engine: { state: null, qmpMs: null }, watchdogAlive: null, load: null };
    expect(nodeView(row, beat, at(5_000))).toMatchObject({ engine: { state: 'ok' }, watchdogAlive: true });
    expect(nodeView(row, beat, at(5_001))).toMatchObject(unknown);
    expect(nodeView({ ...row, status: 'down' }, beat, at(1_000))).toMatchObject(unknown);
  });

  it('is silent when its heartbeats stay away from one that has listened for long enough', () => {
    const samples = new LatestSamples();
    expect(isSilent('n1', samples, at(60_000))).toBeUndefined();
    samples.beat(beat);
    expect(isSilent('n1', samples, at(5_000))).toBe(false);
    expect(isSilent('n1', samples, at(5_001))).toBe(true);
    expect(isSilent('n1', samples, { ...at(60_000), listening: false })).toBeUndefined();
    expect(isSilent('n2', samples, at(5_000))).toBeUndefined();
    expect(isSilent('n2', samples, at(5_001))).toBe(true);
  });

  it('is not suspected by a gateway that reads no samples itself', () => {
    expect(nodeView(row, beat, { ...at(60_000), listening: false })).toMatchObject({
      silentMs: 60_000,
      suspicion: null,
    });
  });
});
