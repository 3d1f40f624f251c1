import { predicates } from '.';
import { type Evidence, type LoggedEvent, noEvidence } from './evidence';

let position = 0;
const versions = new Map<string, number>();
beforeEach(() => {
  position = 0;
  versions.clear();
});

function event(stream: string, type: string, { data = {}, ...more }: Partial<LoggedEvent> = {}): LoggedEvent {
  const version = (versions.get(stream) ?? 0) + 1;
  versions.set(stream, version);
  position += 1;
  const id = `event-${position}`;
  const at = '2026-01-01T00:00:00.000Z';
  const named = { position, topic: 't', stream, version, id, at, type, data };
  return { ...named, correlationId: id, causationId: id, ...more };
}

const granted = (nodeId: string, epoch: number) =>
  event('system-s1', 'SystemServeGranted', { data: { systemId: 's1', nodeId, epoch } });
const taken = (nodeId: string, epoch: number) =>
  event(`agent-${nodeId}-j`, 'TaskTaken', { data: { taskId: 'serve-s1', nodeId, epoch } });
const health = (type: string, data: LoggedEvent['data'] = {}) => event('cluster-health-alpha', type, { data });
const suspected = () => health('NodeSuspected', { nodeId: 'n1', deadlineAt: '2026-01-01T00:00:04.000Z' });
const declared = (data: object = {}) =>
  health('NodeDeclaredDown', {
    nodeId: 'n1',
    at: '2026-01-01T00:00:05.000Z',
    reason: 'heartbeatTimeout',
    evidence: {
      rule: 'twoPeersFail',
      peers: [
        { nodeId: 'n2', outcome: 'timeout' },
        { nodeId: 'n3', outcome: 'refused' },
      ],
    },
    ...data,
  });
const effect = (nodeId: string, epoch: number) => ({
  nodeId,
  kind: 'effect' as const,
  name: 'open',
  route: 'serve-s1',
  epoch,
});
const raise = (nodeId: string, epoch: number) => ({ nodeId, kind: 'epoch' as const, route: 'serve-s1', epoch });
const claim = (epoch: number, nodeId: string | null) => ({ systemId: 's1', epoch, nodeId });
const stored = ({ stream, version, id }: LoggedEvent) => ({ stream, version, id });

/** Each predicate with evidence that it accepts and evidence that it rejects. */
const cases: Record<keyof typeof predicates, { accepts: () => Partial<Evidence>; rejects: () => Partial<Evidence> }> = {
  O1: {
    accepts: () => ({ journals: [effect('n1', 1), effect('n2', 2), effect('n1', 3)] }),
    rejects: () => ({ journals: [effect('n1', 3), effect('n1', 2)] }),
  },
  O2: {
    accepts: () => ({ log: [granted('n1', 1), granted('n2', 2), granted('n2', 2)] }),
    rejects: () => ({ log: [granted('n1', 1), granted('n2', 1)] }),
  },
  O3: {
    accepts: () => ({
      probes: [
        { systemId: 's1', atMs: 10, acceptedAt: ['n1'] },
        { systemId: 's1', atMs: 20, acceptedAt: ['n2'] },
      ],
    }),
    rejects: () => ({ probes: [{ systemId: 's1', atMs: 10, acceptedAt: ['n1', 'n2'] }] }),
  },
  O4: {
    accepts: () => ({ log: [granted('n1', 1), taken('n1', 1)], claims: [claim(1, 'n1'), claim(2, 'n2')] }),
    rejects: () => ({ log: [granted('n1', 1), taken('n1', 1)], claims: [claim(1, 'n2')] }),
  },
  O5: {
    accepts: () => ({
      journals: [raise('n1', 1), raise('n1', 1), raise('n1', 4)],
      claims: [claim(2, 'n2'), claim(1, 'n1')],
    }),
    rejects: () => ({ claims: [claim(1, 'n1'), claim(3, 'n2')] }),
  },
  L1: {
    accepts: () => ({
      log: [
        event('request-r', 'SystemRequested', { correlationId: 'r' }),
        event('system-s1', 'SystemRegistered', { correlationId: 'r' }),
      ],
    }),
    rejects: () => ({
      log: [
        event('request-r', 'SystemRequested', { correlationId: 'r' }),
        event('system-s1', 'SystemRegistered', { correlationId: 'r' }),
        event('system-s1', 'SystemRejected', { correlationId: 'r' }),
      ],
    }),
  },
  L2: {
    accepts: () => ({ log: [granted('n1', 1), granted('n2', 2)] }),
    rejects: () => ({ log: [granted('n1', 1), event('system-s2', 'SystemServeGranted', { id: 'event-1' })] }),
  },
  L3: {
    accepts: () => ({ log: [granted('n1', 1), granted('n2', 2)] }),
    rejects: () => ({ log: [granted('n1', 1), event('system-s1', 'SystemServeGranted', { version: 3 })] }),
  },
  L4: {
    accepts: () => {
      const log = [granted('n1', 1), taken('n1', 1)];
      return { log, stored: [stored(log[0]!)] };
    },
    rejects: () => ({ log: [], storedBefore: [stored(granted('n1', 1))] }),
  },
  H1: {
    accepts: () => ({ log: [suspected(), declared()] }),
    rejects: () => ({ log: [suspected(), declared({ evidence: { rule: 'twoPeersFail', peers: [] } })] }),
  },
  H2: {
    accepts: () => ({ log: [health('ClusterFrozen'), health('ClusterThawed'), suspected(), declared()] }),
    rejects: () => ({ log: [suspected(), health('ClusterFrozen'), declared()] }),
  },
  H3: {
    accepts: () => ({ log: [health('ClusterSightLost'), health('ClusterSightRegained'), suspected(), declared()] }),
    rejects: () => ({ log: [health('ClusterSightLost'), suspected()] }),
  },
  M4: {
    accepts: () => ({ wrongBlocks: [] }),
    rejects: () => ({ wrongBlocks: [{ volume: 's1/v1', block: 3, expected: '2', found: '1 of s1/v1 block 3' }] }),
  },
};

describe.each(Object.keys(predicates) as (keyof typeof predicates)[])('%s', (name) => {
  it('accepts what may be', () => {
    expect(predicates[name]({ ...noEvidence, ...cases[name].accepts() })).toEqual([]);
  });

  it('rejects what must never be', () => {
    const found = predicates[name]({ ...noEvidence, ...cases[name].rejects() });
    expect(found.map(({ predicate }) => predicate)).toEqual([name]);
  });
});

describe('more that must never be', () => {
  it('H1 rejects a declaration while a peer reaches the node', () => {
    const peers = [
      { nodeId: 'n2', outcome: 'timeout' },
      { nodeId: 'n3', outcome: 'timeout' },
      { nodeId: 'n4', outcome: 'reached' },
    ];
    const log = [suspected(), declared({ evidence: { rule: 'twoPeersFail', peers } })];
    expect(predicates.H1({ ...noEvidence, log })).toHaveLength(1);
  });

  it('H1 rejects a declaration after the suspicion was withdrawn, and one before the deadline', () => {
    const withdrawn = [suspected(), health('NodeSuspicionWithdrawn', { nodeId: 'n1' }), declared()];
    expect(predicates.H1({ ...noEvidence, log: withdrawn })).toHaveLength(1);
    versions.clear();
    const early = [suspected(), declared({ at: '2026-01-01T00:00:03.999Z' })];
    expect(predicates.H1({ ...noEvidence, log: early })).toHaveLength(1);
  });

  it('O4 rejects a system taken without a grant, or without a claim', () => {
    expect(predicates.O4({ ...noEvidence, log: [taken('n1', 1)] })).toHaveLength(1);
    const unclaimed = {
      log: [
        granted('n1', 2),
        event('agent-n1-j', 'TaskTaken', { data: { taskId: 'serve-s1', nodeId: 'n1', epoch: 2 } }),
      ],
      claims: [claim(1, 'n2')],
    };
    expect(predicates.O4({ ...noEvidence, ...unclaimed })).toHaveLength(1);
    const withoutAny = { ...noEvidence, log: [granted('n1', 1), taken('n1', 1)] };
    expect(predicates.O4(withoutAny)).toEqual([expect.objectContaining({ message: 'n1 took it without a claim' })]);
  });

  it('L4 rejects a published event that its store does not hold', () => {
    expect(predicates.L4({ ...noEvidence, log: [granted('n1', 1)] })).toHaveLength(1);
  });
});
