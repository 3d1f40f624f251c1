import { predicates, violations } from '.';
import type { LoggedEvent } from '@holdfast/invariants';
import { type Evidence, noEvidence } from './evidence';

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
  L4: {
    accepts: () => {
      const log = [granted('n1', 1), taken('n1', 1)];
      return { log, stored: [stored(log[0]!)] };
    },
    rejects: () => ({ log: [], storedBefore: [stored(granted('n1', 1))] }),
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

  it('what the log alone shows is found with the rest', () => {
    const log = [granted('n1', 1), granted('n2', 1)];
    expect(violations({ ...noEvidence, log, stored: log.map(stored) })).toEqual([
      { predicate: 'O2', subject: 'system/s1', message: expect.stringContaining("n1's and n2's") as string },
    ]);
  });
});
