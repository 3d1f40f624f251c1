import { FixtureTable, node, servedByN1, taskOf } from './table-fixture';

describe('an order without an answer', () => {
  const ordered = () => {
    const fixture = FixtureTable.withNodes('n1');
    fixture.admit('s1');
    fixture.open('n2');
    return fixture;
  };
  const check = { type: 'CheckTask', taskId: taskOf('s1') } as const;

  it('goes to another node after 5 s, not a millisecond sooner', () => {
    expect(ordered().wait(4_999).do(check)).toEqual([]);
    expect(ordered().wait(5_000).do(check)).toEqual(['TaskMoved serve-s1 n1→n2@2 notTaken create']);
  });

  it('stays where it is while the node is suspect, or we hold', () => {
    const suspect = ordered();
    suspect.do({ type: 'CordonNode', nodeId: node('n1'), cause: 'suspect' });
    expect(suspect.wait(60_000).do(check)).toEqual([]);
    const blind = ordered();
    blind.do({ type: 'HoldPlacement', brake: 'blind' });
    expect(blind.wait(60_000).do(check)).toEqual([]);
  });

  it('stays when nobody else is open, and does not go to and fro between two silent nodes', () => {
    const alone = FixtureTable.withNodes('n1');
    alone.admit('s1');
    expect(alone.wait(60_000).do(check)).toEqual([]);
    const both = ordered();
    both.wait(5_000).do(check);
    expect(both.wait(5_000).do(check)).toEqual([]);
    expect(both.wait(25_000).do(check)).toEqual(['TaskMoved serve-s1 n2→n1@3 notTaken create']);
  });

  it('is no silence when the node says what it waits for: never given up by time', () => {
    const fixture = ordered();
    const blocked = { type: 'NoteBlocked', ...fixture.owner('s1'), waitsFor: 'mediumLock' } as const;
    expect(fixture.do(blocked)).toEqual(['TaskHeld serve-s1 n1@1']);
    expect(fixture.do(blocked)).toEqual([]);
    expect(fixture.wait(3_600_000).do(check)).toEqual([]);
    expect(fixture.close('n1')).toContain('TaskMoved serve-s1 n1→n2@2 nodeDown create');
    expect(fixture.do({ ...blocked, ...fixture.owner('s1') })).toEqual(['TaskHeld serve-s1 n2@2']);
    expect(fixture.take('s1')).toEqual(['TaskStartConfirmed serve-s1 n2@2']);
  });
});

describe('a refusal', () => {
  it('sends a system that was served before to the next node, and not back within 30 s', () => {
    const fixture = servedByN1('n2');
    fixture.close('n1');
    fixture.open('n1');
    expect(fixture.decline('s1', 'WATCHDOG_DEAD')).toEqual(['TaskMoved serve-s1 n2→n1@3 declined']);
    expect(fixture.decline('s1', 'WATCHDOG_DEAD')).toEqual(['TaskRetryScheduled serve-s1 #1 WATCHDOG_DEAD']);
    expect(fixture.wait(29_999).do({ type: 'CheckTask', taskId: taskOf('s1') })).toEqual([]);
    expect(fixture.wait(1).do({ type: 'CheckTask', taskId: taskOf('s1') })).toEqual([
      'TaskAssigned serve-s1 n1@4 retry',
    ]);
  });

  it.each(['NO_SPACE', 'MEDIUM_INVALID'])('%s ends a creation at once', (code) => {
    const fixture = FixtureTable.withNodes('n1');
    fixture.admit('s1');
    fixture.open('n2');
    expect(fixture.decline('s1', code)).toEqual(['TaskCancelled serve-s1 creationFailed']);
  });

  it('by every open node ends a creation, by one of two does not', () => {
    const fixture = FixtureTable.withNodes('n1');
    fixture.admit('s1');
    fixture.open('n2');
    expect(fixture.decline('s1', 'ENGINE_DOWN')).toEqual(['TaskMoved serve-s1 n1→n2@2 declined create']);
    expect(fixture.decline('s1', 'ENGINE_DOWN')).toEqual(['TaskCancelled serve-s1 creationFailed']);
  });

  it('NO_SPACE of a system that was served is like any other', () => {
    const fixture = servedByN1('n2');
    fixture.do({ type: 'ReofferTasks', nodeId: node('n1') });
    expect(fixture.decline('s1', 'NO_SPACE')).toEqual(['TaskMoved serve-s1 n1→n2@2 declined']);
  });

  it('under a brake is only noted', () => {
    const fixture = FixtureTable.withNodes('n1');
    fixture.admit('s1');
    fixture.open('n2');
    fixture.do({ type: 'HoldPlacement', brake: 'halted' });
    expect(fixture.decline('s1', 'ENGINE_DOWN')).toEqual(['TaskRetryScheduled serve-s1 #1 ENGINE_DOWN']);
  });

  it('for a higher epoch than was ever granted holds the cluster: the store went back', () => {
    const fixture = FixtureTable.withNodes('n1', 'n2');
    fixture.admit('s1');
    expect(fixture.decline('s1', 'STALE_EPOCH', 9)).toEqual(['PlacementHeld storeRegressed']);
    expect(fixture.decline('s1', 'STALE_EPOCH', 9)).toEqual([]);
  });
});

describe('a fault', () => {
  it('of the node sends the system elsewhere at once; any other tries again after 30 s', () => {
    const fixture = servedByN1('n2');
    const fault = { type: 'NoteFaulted', ...fixture.owner('s1'), code: 'ENGINE_DOWN' } as const;
    expect(fixture.do({ ...fault, errorClass: 'node' })).toEqual(['TaskMoved serve-s1 n1→n2@2 impaired']);
    const other = servedByN1('n2');
    expect(other.do({ ...fault, errorClass: 'busy' })).toEqual(['TaskRetryScheduled serve-s1 #1 ENGINE_DOWN']);
    expect(other.do({ ...fault, errorClass: 'busy' })).toEqual([]);
  });

  it('of the only node is tried again for ever: a system is never parked', () => {
    const fixture = servedByN1();
    for (let attempt = 1; attempt <= 20; attempt++) {
      const fault = { type: 'NoteFaulted', ...fixture.owner('s1'), errorClass: 'node', code: 'ENGINE_DOWN' } as const;
      expect(fixture.do(fault)).toEqual([`TaskRetryScheduled serve-s1 #${attempt} ENGINE_DOWN`]);
      fixture.wait(30_000).do({ type: 'CheckTask', taskId: taskOf('s1') });
    }
  });

  it('to stop without having been told is a fault', () => {
    const fixture = servedByN1('n2');
    expect(fixture.do({ type: 'NoteStopped', ...fixture.owner('s1'), token: null, doneBytes: 0 })).toEqual([
      'TaskRetryScheduled serve-s1 #1 STOPPED',
    ]);
  });
});

describe('facts that are late', () => {
  it('of a lower epoch, another node, or a task that is gone change nothing', () => {
    const fixture = servedByN1('n2');
    const late = fixture.owner('s1');
    fixture.close('n1');
    const { epoch, taskId } = fixture.owner('s1');
    expect(fixture.do({ type: 'NoteTaken', ...late, tookMs: 1 })).toEqual([]);
    expect(fixture.do({ type: 'NoteDeclined', ...late, code: 'STALE_EPOCH', highestEpoch: 9 })).toEqual([]);
    expect(fixture.do({ type: 'NoteFaulted', ...late, errorClass: 'node', code: 'X' })).toEqual([]);
    expect(fixture.do({ type: 'NoteTaken', nodeId: node('n1'), taskId, epoch, tookMs: 1 })).toEqual([]);
    expect(fixture.do({ type: 'NoteTaken', ...late, taskId: taskOf('s9'), tookMs: 1 })).toEqual([]);
  });
});
