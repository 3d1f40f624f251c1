import type { NodeView } from './gateway-client';
import { outlookOf, type FleetSeen } from './outlook';
import { afterNode, type Verb } from './what-follows';

const node = (nodeId: string, more: Partial<NodeView> = {}): NodeView => ({
  ...{ nodeId, clusterId: nodeId.split('-')[0]!, status: 'healthy', silentMs: 400 },
  ...{ placement: { state: 'open' }, drain: null, maintenance: null },
  ...more,
});
const system = (systemId: string, nodeId: string) => ({
  ...{ systemId, nodeId, clusterId: 'alpha', epoch: 1, exports: [], serving: { state: 'served' } },
});
const task = (taskId: string) => ({ taskId, nodeId: 'alpha-1', state: 'running' });
const alpha = [node('alpha-1'), node('alpha-2'), node('alpha-3')];
const seen: FleetSeen = {
  clusters: [{ clusterId: 'alpha', heldBy: null }],
  nodes: alpha,
  systems: [system('s1', 'alpha-1'), system('s2', 'alpha-2')],
  tasks: [],
};
const after = (verb: Verb, fleet: Partial<FleetSeen> = {}, nodeId = 'alpha-1') =>
  afterNode(verb, outlookOf(nodeId, { ...seen, ...fleet }));

const drained = { drain: {} };
const maintained = { maintenance: { until: '2026-03-01T12:30:00.000Z' } };

describe('what follows when a node is killed', () => {
  it('is that its systems and tasks go on elsewhere', () => {
    expect(after('kill', { tasks: [task('t-1')] })).toBe(
      'down in 5–6 s, s1 served elsewhere, its task t-1 goes on elsewhere from its last sealed piece; ' +
        'a second kill within 10 s may freeze the cluster',
    );
    expect(after('kill', { tasks: [task('t-1'), task('t-2')], systems: [] })).toMatch(
      /^down in 5–6 s, its 2 tasks go on elsewhere from their last sealed piece;/,
    );
    expect(after('kill', { systems: [] })).toBe('suspect, then down in 5–6 s; it serves nothing, nothing moves');
  });

  it('takes longer when one other node alone is heard, and may be a freeze when one is silent too', () => {
    expect(after('kill', { nodes: [alpha[0]!, alpha[1]!, node('alpha-3', { status: 'down' })] })).toBe(
      'down in 7–8 s, s1 served elsewhere',
    );
    expect(after('kill', { nodes: [alpha[0]!, alpha[1]!, node('alpha-3', { silentMs: 2_000 })] })).toBe(
      'down in 7–8 s, s1 served elsewhere; another node is silent too: the cluster may freeze',
    );
  });

  it('may be a freeze also when it serves nothing itself', () => {
    const nodes = [node('alpha-1', { status: 'suspect' }), alpha[1]!, alpha[2]!];
    expect(after('kill', { nodes }, 'alpha-3')).toMatch(/nothing moves; another node is silent too: the cluster may/);
  });

  it('is that nobody takes over while the others are drained, or there is none', () => {
    expect(after('kill', { nodes: [alpha[0]!, node('alpha-2', drained), node('alpha-3', { status: 'down' })] })).toBe(
      'down in 7–8 s, and no other node can take over s1: start it, or holdfast drain alpha-2 --stop',
    );
    expect(after('kill', { nodes: [node('alpha-1')] })).toBe(
      'suspect after 4–5 s, and no other node can take over s1: start it',
    );
  });

  it('is no verdict in maintenance, and none while the cluster is held', () => {
    expect(after('kill', { nodes: [node('alpha-1', maintained), ...alpha.slice(1)], tasks: [task('t-1')] })).toBe(
      'no verdict before its maintenance ends at 12:30:00; until then s1 unserved, its task t-1 at a standstill',
    );
    expect(after('kill', { clusters: [{ clusterId: 'alpha', heldBy: 'frozen, thaw alpha' }], systems: [] })).toBe(
      'no verdict while its cluster is held (frozen, thaw alpha); until then nothing moves; it serves nothing',
    );
    const silent = alpha.map((one) => ({ ...one, silentMs: 9_000 }));
    expect(after('kill', { nodes: silent })).toMatch(/^no verdict while its cluster is held \(no heartbeat is read\);/);
  });
});

it('a paused daemon keeps its lock', () => {
  expect(after('pause')).toContain('s1 served elsewhere only once it wakes or dies');
});

it('a started node serves again what nobody took over', () => {
  expect(after('start')).toContain('; it serves s1 again, new work goes elsewhere first');
  expect(after('start', {}, 'alpha-3')).toContain('; systems stay where they are, new work');
});
