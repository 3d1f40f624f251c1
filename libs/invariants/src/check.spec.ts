import { check, logPredicates, Verification } from './check';
import type { LoggedEvent } from './event';
import * as log from './log-fixture';
import { admitted, agent, assigned, closed, declared, granted, health, held, later, logOf, moved } from './log-fixture';
import { ofTaskEvent, opened, resumed, suspected, system, table, taken, write } from './log-fixture';

const brokenIn = (events: readonly LoggedEvent[]) =>
  check(events).predicates.flatMap(({ id, violations }) => violations.map(() => id));

const serving = [system('SystemRegistered', { requestId: 'r' }), opened('n1'), admitted('serve-s1'), granted('n1', 1)];
const served = [...serving, assigned('serve-s1', 'n1'), taken('n1', 1), ofTaskEvent('TaskStartConfirmed', 'serve-s1')];
const asked = write(['request-r', 'SystemRequested'], { requestId: 'r' }, { correlationId: 'r' });
const accepted = system('SystemRegistered', { requestId: 'r' });
const refused = (reason: string) => system('SystemRejected', { requestId: 'r', reason });
const scrub = admitted('t1', 10, { systemId: 's1', backup: { systemId: 's1', pointId: 'p1' } });
const deletion = table('BackupDeletionOrdered', { systemId: 's1', pointId: 'p1', nodeId: 'n1' });
const watched = ['n1', 'n2', 'n3'].map((nodeId) => health('NodeWatched', { nodeId }));
const restarted = (nodeId: string, sec = 40) => health('NodeRestarted', { nodeId, at: log.atSec(sec) });
const recovered = (declaredWrongly: boolean) =>
  health('NodeRecovered', { nodeId: 'n1', fromStatus: 'down', declaredWrongly });
const halted = write(['automation-fleet', 'AutomationHalted'], { scope: 'fleet' }, { at: log.atSec(0) });
const unhalted = (sec: number) =>
  write(['automation-fleet', 'AutomationResumed'], { scope: 'fleet' }, { at: log.atSec(sec) });

/** Each predicate with a log that it accepts and one that it rejects. */
const cases: Record<string, { accepts: LoggedEvent[]; rejects: LoggedEvent[] }> = {
  O1: {
    accepts: logOf(granted('n1', 1), taken('n1', 1), granted('n1', 2), taken('n1', 2), taken('n1', 2)),
    rejects: logOf(granted('n1', 1), granted('n1', 2), taken('n1', 2), taken('n1', 1)),
  },
  O2: {
    accepts: logOf(granted('n1', 1), granted('n2', 2), granted('n2', 2)),
    rejects: logOf(granted('n1', 1), granted('n2', 1)),
  },
  O4: {
    // Between topics the order of the feed proves nothing.
    accepts: logOf(taken('n1', 1), granted('n1', 1), later()),
    rejects: logOf(granted('n2', 1), taken('n1', 1), later()),
  },
  O5: {
    accepts: logOf(
      granted('n1', 3),
      taken('n1', 3),
      agent('n1', 'TaskDeclined', { taskId: 'serve-s1', highestEpoch: 3 }),
    ),
    rejects: logOf(
      granted('n1', 3),
      taken('n1', 3),
      agent('n1', 'TaskDeclined', { taskId: 'serve-s1', highestEpoch: 2 }),
    ),
  },
  O6: {
    accepts: logOf(opened('n1'), scrub, ofTaskEvent('TaskCompleted', 't1'), deletion),
    rejects: logOf(opened('n1'), scrub, deletion),
  },
  O7: {
    accepts: logOf(
      opened('n1'),
      admitted('t1'),
      held('storeRegressed'),
      resumed('storeRegressed'),
      assigned('t1', 'n1'),
    ),
    rejects: logOf(opened('n1'), admitted('t1'), held('storeRegressed'), assigned('t1', 'n1')),
  },
  O8: {
    accepts: logOf(...served, later()),
    rejects: logOf(system('SystemRegistered', { requestId: 'r' }), later()),
  },
  L1: {
    accepts: logOf(accepted, asked),
    rejects: logOf(asked, accepted, refused('NAME_TAKEN')),
  },
  L2: {
    accepts: logOf(granted('n1', 1), granted('n2', 2)),
    rejects: logOf(granted('n1', 1), system('SystemServeGranted', { nodeId: 'n2', epoch: 2 }, { id: 'event-1' })),
  },
  L3: {
    accepts: logOf(granted('n1', 1), granted('n2', 2)),
    rejects: logOf(granted('n1', 1), system('SystemServeGranted', { nodeId: 'n2', epoch: 2 }, { version: 3 })),
  },
  H1: {
    accepts: logOf(suspected(), declared()),
    rejects: logOf(suspected(), declared({ evidence: { rule: 'twoPeersFail', peers: [] } })),
  },
  H2: {
    accepts: logOf(health('ClusterFrozen'), health('ClusterThawed'), suspected(), declared()),
    rejects: logOf(suspected(), health('ClusterFrozen'), declared()),
  },
  H3: {
    accepts: logOf(health('ClusterSightLost'), health('ClusterSightRegained'), suspected(), declared()),
    rejects: logOf(health('ClusterSightLost'), suspected()),
  },
  H5: {
    accepts: logOf(halted, unhalted(50), suspected(), declared({}, { at: log.atSec(60) })),
    rejects: logOf(suspected(), health('NodeMaintenanceStarted', { nodeId: 'n1' }), declared()),
  },
  H6: {
    accepts: logOf(...watched, restarted('n2'), restarted('n3'), suspected(), declared(), recovered(false)),
    rejects: logOf(...watched, restarted('n2'), restarted('n3'), suspected(), declared(), recovered(true)),
  },
  B1: {
    accepts: logOf(
      opened('n1'),
      opened('n2'),
      admitted('t1'),
      assigned('t1', 'n1'),
      closed('n1'),
      moved('t1', ['n1', 'n2']),
    ),
    rejects: logOf(opened('n1'), opened('n2'), admitted('t1'), assigned('t1', 'n1'), moved('t1', ['n1', 'n2'])),
  },
  B2: {
    accepts: logOf(
      opened('n1', 100),
      admitted('t1', 45),
      admitted('t2', 45),
      assigned('t1', 'n1'),
      assigned('t2', 'n1'),
    ),
    rejects: logOf(
      opened('n1', 100),
      admitted('t1', 45),
      admitted('t2', 46),
      assigned('t1', 'n1'),
      assigned('t2', 'n1'),
    ),
  },
  B3: {
    accepts: logOf(
      opened('n1'),
      admitted('t1'),
      ofTaskEvent('TaskDeferred', 't1', { blockedBy: { capacity: 1 } }),
      later(),
    ),
    rejects: logOf(opened('n1'), admitted('t1'), later()),
  },
};

it('there is a case for every predicate', () => {
  expect(Object.keys(cases).toSorted()).toEqual(logPredicates.map(({ id }) => id).toSorted());
});

describe.each(Object.entries(cases))('%s', (id, { accepts, rejects }) => {
  it('accepts what may be, and has looked at it', () => {
    expect(brokenIn(accepts)).toEqual([]);
    expect(check(accepts).predicates.find((verdict) => verdict.id === id)?.checked).toBeGreaterThan(0);
  });

  it('rejects what must never be, and nothing else does', () => {
    expect(brokenIn(rejects)).toEqual([id]);
  });
});

describe('more that must never be', () => {
  const peers = ['timeout', 'timeout', 'reached'].map((outcome, n) => ({ nodeId: `n${n + 2}`, outcome }));
  const withdrawn = health('NodeSuspicionWithdrawn', { nodeId: 'n1' });
  const capacity = [opened('n1', 100), opened('n2', 100), admitted('t1', 60), assigned('t1', 'n1'), admitted('t2', 60)];
  const recalled = ofTaskEvent('TaskRecalled', 't1', { nodeId: 'n1', cause: 'drain', toNodeId: 'n2' });

  it.each<[string, string, LoggedEvent[]]>([
    [
      'H1',
      'a declaration while a peer reaches the node',
      logOf(suspected(), declared({ evidence: { rule: 'twoPeersFail', peers } })),
    ],
    ['H1', 'a declaration after the suspicion was withdrawn', logOf(suspected(), withdrawn, declared())],
    ['H1', 'a declaration before the deadline', logOf(suspected(), declared({ at: log.atSec(0) }))],
    [
      'H2',
      'a move while placement is held for a freeze',
      logOf(...capacity, closed('n1'), held('frozen'), moved('t1', ['n1', 'n2'])),
    ],
    ['H3', 'an order while placement is held for blindness', logOf(...capacity, held('blind'), assigned('t2', 'n2'))],
    ['H5', 'an order while placement is held by a halt', logOf(...capacity, held('halted'), assigned('t2', 'n2'))],
    [
      'H5',
      'a declaration long after a halt',
      logOf(halted, suspected(), declared({}, { at: log.atSec(60) }), unhalted(90)),
    ],
    [
      'O2',
      'a task of two nodes at one epoch',
      logOf(...capacity, ofTaskEvent('TaskFaulted', 't1'), assigned('t1', 'n2')),
    ],
    ['O6', 'a system deleted before it was retired', logOf(...served, system('SystemDeletionStarted'))],
    [
      'O6',
      'files taken away while a snapshot reads them',
      logOf(opened('n1'), admitted('t1'), table('SystemRemovalOrdered', { systemId: 's1', nodeId: 'n1' })),
    ],
    [
      'O8',
      'an order that no grant stands behind',
      logOf(...served, opened('n2'), closed('n1'), moved('serve-s1', ['n1', 'n2']), later()),
    ],
    [
      'B1',
      'a task moved from a node that does not carry it',
      logOf(...capacity, closed('n2'), moved('t1', ['n2', 'n1'])),
    ],
    ['B2', 'a place promised to two: both ends of a move count', logOf(...capacity, recalled, assigned('t2', 'n2'))],
    ['B2', 'work for a node that is closed', logOf(...capacity, closed('n2'), assigned('t2', 'n2'))],
    [
      'B2',
      'work for a node that is drained',
      logOf(...capacity, table('NodeDrainStarted', { nodeId: 'n2' }), assigned('t2', 'n2')),
    ],
    [
      'B3',
      'an order for a task that has ended',
      logOf(opened('n1'), admitted('t1'), ofTaskEvent('TaskCancelled', 't1'), assigned('t1', 'n1')),
    ],
    [
      'B3',
      'a task left to a dead node',
      logOf(opened('n1'), opened('n2'), admitted('t1'), assigned('t1', 'n1'), closed('n1'), later()),
    ],
    [
      'B3',
      'a system that waited for its dead node, and is never tried again now that it is back',
      logOf(
        ...[opened('n1'), opened('n2'), admitted('serve-s1'), assigned('serve-s1', 'n1'), closed('n1')],
        ofTaskEvent('TaskDeferred', 'serve-s1', { blockedBy: { down: 1 } }),
        ...[opened('n1'), ofTaskEvent('TaskRetryScheduled', 'serve-s1', { nodeId: 'n1', notBefore: log.atSec(30) })],
        later(),
      ),
    ],
    ['L1', 'a request answered twice', logOf(asked, accepted, accepted)],
    ['L3', 'a stream that does not begin at its first version', logOf(system('SystemRetired', {}, { version: 2 }))],
  ])('%s rejects %s', (id, _what, events) => {
    expect(new Set(brokenIn(events))).toEqual(new Set([id]));
  });
});

describe('what may be', () => {
  it.each<[string, LoggedEvent[]]>([
    ['an operator’s word needs no silence', logOf(declared({ reason: 'operatorRequest' }))],
    [
      'an offer to a restarted agent goes on under a brake',
      logOf(...served, held('frozen'), assigned('serve-s1', 'n1', { cause: 'nodeStarted' })),
    ],
    ['a failed creation is refused after it was accepted', logOf(asked, accepted, refused('NO_SPACE'))],
    [
      'a deletion is ordered of another node when the first is silent',
      logOf(
        write(['request-r', 'BackupDeletionRequested'], { requestId: 'r' }),
        ...[1, 2].map(() => table('BackupDeletionOrdered', { systemId: 's1', pointId: 'p1', requestId: 'r' })),
      ),
    ],
    ['what happened last may still lead to something', logOf(opened('n1'), admitted('t1'))],
    ['under a brake tasks wait', logOf(opened('n1'), admitted('t1'), held('halted'), later())],
  ])('%s', (_what, events) => {
    expect(brokenIn(events)).toEqual([]);
  });
});

it('a violation names its subject, its event and what is wrong', () => {
  const { predicates } = check(cases['B2']!.rejects);
  expect(predicates.find(({ id }) => id === 'B2')).toEqual({
    id: 'B2',
    text: 'only open nodes get work, and none more than it has room for, both ends of a move counted',
    checked: 2,
    violations: [{ subject: 'task/t2', position: 5, text: 'n1 carries 91 B/s, and has room for 90' }],
    more: 0,
    notJudged: 'zones: no task asks for one',
  });
});

it('a log that begins later is judged by what it shows alone, and says what it is not judged by', () => {
  const tail = logOf(system('SystemRetired', {}, { version: 7 }), declared(), assigned('t1', 'n1'));
  const { predicates } = check(tail, { whole: false });
  expect(predicates.flatMap(({ violations }) => violations)).toEqual([]);
  const blind = predicates.filter(({ notJudged }) => notJudged?.includes('from its first event'));
  expect(blind.map(({ id }) => id)).toEqual(['B1', 'B2', 'B3', 'H1', 'L1', 'O4', 'O8']);
});

it('names what no log can judge', () => {
  const { predicates } = check([]);
  for (const id of ['O3', 'L4', 'L7', 'M4'])
    expect(predicates.find((verdict) => verdict.id === id)).toMatchObject({
      checked: 0,
      notJudged: expect.any(String) as string,
    });
});

it('keeps the first thousand violations of a rule, and counts the rest', () => {
  const verification = new Verification({ whole: true });
  const [event] = logOf(granted('n1', 1));
  for (let n = 0; n < 1_500; n++) verification.see({ ...event!, version: n + 1 });
  const { violations, more } = verification.report().predicates.find(({ id }) => id === 'L2')!;
  expect([violations.length, more]).toEqual([1_000, 499]);
});

it('takes no agents that began anew one after the other for a mass restart', () => {
  const events = logOf(...watched, restarted('n2', 34), restarted('n3'), suspected(), declared(), recovered(true));
  expect(check(events).predicates.find(({ id }) => id === 'H6')?.violations).toEqual([]);
});
