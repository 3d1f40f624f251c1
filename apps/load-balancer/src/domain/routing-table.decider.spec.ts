import type { SystemId } from '@holdfast/contracts';
import { rendezvousScore, seedOf } from './placement';
import { FixtureTable, node, servedByN1, taskOf } from './table-fixture';

const score = (nodeId: string) => rendezvousScore(seedOf('serve-s1'), { seed: seedOf(nodeId), budget: 100 });

describe('a system that is admitted', () => {
  it('is ordered of a node at epoch 1, which may make its images', () => {
    expect(FixtureTable.withNodes('n1').admit('s1')).toEqual([
      'TaskAdmitted serve-s1',
      'TaskAssigned serve-s1 n1@1 admitted create',
    ]);
  });

  it('waits with the reason while no node is open, and is placed by the first that opens', () => {
    const fixture = FixtureTable.withNodes('n1');
    fixture.do({ type: 'CordonNode', nodeId: node('n1'), cause: 'suspect' });
    expect(fixture.admit('s1')).toEqual(['TaskAdmitted serve-s1', 'TaskDeferred serve-s1 {"suspect":1}']);
    expect(fixture.open('n2')).toEqual(['NodeOpened n2', 'TaskAssigned serve-s1 n2@1 retry create']);
  });

  it('is told once why it waits, and again when the reason changes', () => {
    const fixture = new FixtureTable();
    fixture.admit('s1');
    expect(fixture.do({ type: 'CheckTask', taskId: taskOf('s1') })).toEqual([]);
    fixture.open('n1');
    expect(fixture.task('s1').phase).toBe('assigned');
  });

  it('goes on from the last epoch under its name', () => {
    const fixture = FixtureTable.withNodes('n1');
    fixture.systems['s1'] = { phase: 'absent', epoch: 7 };
    expect(fixture.admit('s1')).toContain('TaskAssigned serve-s1 n1@8 admitted create');
  });

  it('is confirmed once; told twice changes nothing', () => {
    const fixture = FixtureTable.withNodes('n1');
    fixture.admit('s1');
    expect(fixture.take('s1')).toEqual(['TaskStartConfirmed serve-s1 n1@1']);
    expect(fixture.take('s1')).toEqual([]);
  });

  it('is created by the next node when the creating one dies', () => {
    const fixture = FixtureTable.withNodes('n1');
    fixture.admit('s1');
    fixture.open('n2');
    expect(fixture.close('n1')).toEqual(['NodeClosed n1 down', 'TaskMoved serve-s1 n1→n2@2 nodeDown create']);
    fixture.take('s1');
    fixture.open('n1');
    expect(fixture.close('n2')).toEqual(['NodeClosed n2 down', 'TaskMoved serve-s1 n2→n1@3 nodeDown']);
  });
});

describe('a node', () => {
  it('that is down or has an impaired engine loses its systems to others', () => {
    expect(servedByN1('n2').close('n1', 'down')).toEqual(['NodeClosed n1 down', 'TaskMoved serve-s1 n1→n2@2 nodeDown']);
    expect(servedByN1('n2').close('n1', 'impaired')).toContain('TaskMoved serve-s1 n1→n2@2 impaired');
    expect(servedByN1('n2').close('n1', 'retired')).toContain('TaskMoved serve-s1 n1→n2@2 operator');
  });

  it.each(['suspect', 'partitioned', 'isolated', 'impaired'] as const)(
    'that is %s keeps what it has and gets nothing new',
    (cause) => {
      const fixture = servedByN1('n2');
      expect(fixture.do({ type: 'CordonNode', nodeId: node('n1'), cause })).toEqual([`NodeCordoned n1 ${cause}`]);
      fixture.admit('s2');
      fixture.admit('s3');
      expect(fixture.task('s2').nodeId).toBe('n2');
      expect(fixture.task('s3').nodeId).toBe('n2');
    },
  );

  it('whose suspicion is withdrawn is open again; one that is isolated is not', () => {
    const fixture = servedByN1();
    fixture.do({ type: 'CordonNode', nodeId: node('n1'), cause: 'suspect' });
    expect(fixture.do({ type: 'WithdrawSuspicion', nodeId: node('n1') })).toEqual(['NodeOpened n1']);
    fixture.do({ type: 'CordonNode', nodeId: node('n1'), cause: 'isolated' });
    expect(fixture.do({ type: 'WithdrawSuspicion', nodeId: node('n1') })).toEqual([]);
  });

  it('that is suspect may become isolated, never the reverse; a closed one is only opened', () => {
    const fixture = servedByN1();
    fixture.do({ type: 'CordonNode', nodeId: node('n1'), cause: 'suspect' });
    expect(fixture.do({ type: 'CordonNode', nodeId: node('n1'), cause: 'isolated' })).toHaveLength(1);
    expect(fixture.do({ type: 'CordonNode', nodeId: node('n1'), cause: 'suspect' })).toEqual([]);
    expect(fixture.do({ type: 'CordonNode', nodeId: node('n1'), cause: 'partitioned' })).toEqual([]);
    fixture.close('n1');
    expect(fixture.do({ type: 'CordonNode', nodeId: node('n1'), cause: 'isolated' })).toEqual([]);
    expect(fixture.close('n1')).toEqual([]);
  });

  it('that comes back finds its system at the same epoch when nobody else could take it', () => {
    const fixture = servedByN1();
    expect(fixture.close('n1')).toEqual(['NodeClosed n1 down', 'TaskDeferred serve-s1 {"down":1}']);
    expect(fixture.do({ type: 'ReofferTasks', nodeId: node('n1') })).toEqual([
      'TaskAssigned serve-s1 n1@1 nodeStarted',
    ]);
    expect(fixture.open('n1')).toEqual(['NodeOpened n1']);
  });

  it('that comes back gets its systems by later failures only: nothing moves home by itself', () => {
    const fixture = servedByN1('n2');
    fixture.close('n1');
    fixture.take('s1');
    expect(fixture.open('n1')).toEqual(['NodeOpened n1']);
    expect(fixture.close('n2')).toContain('TaskMoved serve-s1 n2→n1@3 nodeDown');
  });
});

describe('home', () => {
  // Of the two, rendezvous would choose `better`; `home` was the system's first node.
  const [better, home] = ['n1', 'n3'].sort((a, b) => score(b) - score(a)) as [string, string];
  const awayFor = (ms: number) => {
    const fixture = FixtureTable.withNodes(home).serve('s1');
    fixture.open('n2');
    fixture.close(home);
    fixture.take('s1');
    fixture.wait(ms).open(home);
    fixture.open(better);
    fixture.close('n2');
    return fixture.owner('s1').nodeId;
  };

  it('is where a system was first served, until that node was away for a day', () => {
    expect(awayFor(24 * 3_600_000 - 1)).toBe(home);
    expect(awayFor(24 * 3_600_000)).toBe(better);
  });
});

it('spreads systems: none of three equal nodes carries more than a quarter above its share', () => {
  const fixture = FixtureTable.withNodes('n1', 'n2', 'n3');
  const carried: Record<string, number> = {};
  for (let n = 0; n < 12; n++) {
    fixture.admit(`s${n}`);
    const { nodeId } = fixture.owner(`s${n}`);
    carried[nodeId] = (carried[nodeId] ?? 0) + 1;
  }
  expect(Math.max(...Object.values(carried))).toBeLessThanOrEqual(5);
});

describe('an agent that starts', () => {
  it('is offered what it owns at the same epoch, and nothing of others', () => {
    const fixture = servedByN1('n2');
    expect(fixture.do({ type: 'ReofferTasks', nodeId: node('n2') })).toEqual([]);
    expect(fixture.do({ type: 'ReofferTasks', nodeId: node('n1') })).toEqual([
      'TaskAssigned serve-s1 n1@1 nodeStarted',
    ]);
    expect(fixture.take('s1')).toEqual(['TaskStartConfirmed serve-s1 n1@1']);
    expect(fixture.systems['s1']?.epoch).toBe(1);
  });

  it('is offered it under a brake too', () => {
    const fixture = servedByN1('n2');
    fixture.do({ type: 'HoldPlacement', brake: 'frozen' });
    expect(fixture.do({ type: 'ReofferTasks', nodeId: node('n1') })).toHaveLength(1);
  });

  it('is told again to stop what it was told to stop', () => {
    const fixture = servedByN1();
    fixture.do({ type: 'RetireTask', taskId: taskOf('s1') });
    expect(fixture.do({ type: 'ReofferTasks', nodeId: node('n1') })).toEqual(['TaskRecalled serve-s1 n1@1']);
  });
});

describe('a brake', () => {
  it.each(['halted', 'blind', 'frozen', 'storeRegressed'] as const)('%s holds every move until it ends', (brake) => {
    const fixture = servedByN1('n2');
    expect(fixture.do({ type: 'HoldPlacement', brake })).toEqual([`PlacementHeld ${brake}`]);
    expect(fixture.do({ type: 'HoldPlacement', brake })).toEqual([]);
    expect(fixture.close('n1')).toEqual(['NodeClosed n1 down']);
    expect(fixture.admit('s2')).toEqual(['TaskAdmitted serve-s2']);
    expect(fixture.do({ type: 'ResumePlacement', brake })).toEqual([
      `PlacementResumed ${brake}`,
      'TaskMoved serve-s1 n1→n2@2 nodeDown',
      'TaskAssigned serve-s2 n2@1 admitted create',
    ]);
    expect(fixture.do({ type: 'ResumePlacement', brake })).toEqual([]);
  });

  it('holds while any other is left', () => {
    const fixture = servedByN1('n2');
    fixture.do({ type: 'HoldPlacement', brake: 'blind' });
    fixture.do({ type: 'HoldPlacement', brake: 'halted' });
    fixture.close('n1');
    expect(fixture.do({ type: 'ResumePlacement', brake: 'blind' })).toEqual(['PlacementResumed blind']);
    expect(fixture.do({ type: 'ResumePlacement', brake: 'halted' })).toHaveLength(2);
  });

  it('lets facts through', () => {
    const fixture = FixtureTable.withNodes('n1');
    fixture.admit('s1');
    fixture.do({ type: 'HoldPlacement', brake: 'blind' });
    expect(fixture.take('s1')).toEqual(['TaskStartConfirmed serve-s1 n1@1']);
  });

  it('follows an agent that is ahead of its store, at exactly one epoch more than was granted', () => {
    const fixture = servedByN1();
    expect(fixture.do({ type: 'NoteEpochAhead', highestEpoch: 4, grantedEpoch: 4 })).toEqual([]);
    expect(fixture.do({ type: 'NoteEpochAhead', highestEpoch: 5, grantedEpoch: 4 })).toEqual([
      'PlacementHeld storeRegressed',
    ]);
  });
});

describe('retirement', () => {
  const retire = { type: 'RetireTask', taskId: taskOf('s1') } as const;

  it('recalls the system and ends when its node says that it stopped', () => {
    const fixture = servedByN1('n2');
    expect(fixture.do(retire)).toEqual(['TaskRecalled serve-s1 n1@1']);
    expect(fixture.do(retire)).toEqual([]);
    fixture.systems['s1'] = { ...fixture.systems['s1'], phase: 'retiring' } as never;
    expect(fixture.do({ type: 'NoteStopped', ...fixture.owner('s1'), token: null, doneBytes: 0 })).toEqual([
      'TaskCancelled serve-s1 retirement',
    ]);
    expect(fixture.systems).toMatchObject({ s1: { phase: 'retired' } });
  });

  it('asks again after 30 s of silence, and not sooner', () => {
    const fixture = servedByN1('n2');
    fixture.do(retire);
    expect(fixture.wait(29_999).do({ type: 'CheckTask', taskId: taskOf('s1') })).toEqual([]);
    expect(fixture.wait(1).do({ type: 'CheckTask', taskId: taskOf('s1') })).toEqual(['TaskRecalled serve-s1 n1@1']);
  });

  it('never moves the system: with its node gone it has ended', () => {
    const fixture = servedByN1('n2');
    fixture.do(retire);
    expect(fixture.close('n1')).toEqual(['NodeClosed n1 down', 'TaskCancelled serve-s1 retirement']);
  });

  it('of a system that nobody serves ends at once, under a brake too', () => {
    const fixture = new FixtureTable();
    fixture.admit('s1');
    fixture.do({ type: 'HoldPlacement', brake: 'frozen' });
    expect(fixture.do(retire)).toEqual(['TaskCancelled serve-s1 retirement']);
    expect(fixture.do(retire)).toEqual([]);
  });

  it('of a system whose node is gone, or that is to be tried again, ends at once: nobody is there to stop', () => {
    const alone = servedByN1();
    alone.close('n1');
    expect(alone.do(retire)).toEqual(['TaskCancelled serve-s1 retirement']);
    const retried = servedByN1();
    retried.do({ type: 'NoteFaulted', ...retried.owner('s1'), errorClass: 'busy', code: 'ENGINE_DOWN' });
    expect(retried.do(retire)).toEqual(['TaskCancelled serve-s1 retirement']);
  });

  it('is not undone by a start that was on its way', () => {
    const fixture = FixtureTable.withNodes('n1');
    fixture.admit('s1');
    fixture.do(retire);
    expect(fixture.take('s1')).toEqual([]);
  });
});

describe('a removal', () => {
  const order = (lastEpoch: number, unanswered: string | null = null) =>
    ({
      type: 'OrderRemoval',
      systemId: 's1' as SystemId,
      lastEpoch,
      unanswered: unanswered === null ? null : node(unanswered),
    }) as const;
  const deleting = (fixture: FixtureTable) => {
    fixture.systems['s1'] = { ...fixture.systems['s1'], phase: 'deleting', removal: null } as never;
    fixture.do({ type: 'RetireTask', taskId: taskOf('s1') });
    return fixture;
  };

  it('is ordered of an open node at the next epoch, and of another when that one is silent', () => {
    const fixture = deleting(servedByN1());
    expect(fixture.do(order(1))).toEqual(['SystemRemovalOrdered s1 n1@2']);
    fixture.open('n2');
    expect(fixture.do(order(2, 'n1'))).toEqual(['SystemRemovalOrdered s1 n2@3']);
  });

  it('is ordered of the silent node again when there is no other, and of nobody under a brake', () => {
    const fixture = deleting(servedByN1());
    expect(fixture.do(order(1, 'n1'))).toEqual(['SystemRemovalOrdered s1 n1@2']);
    fixture.do({ type: 'HoldPlacement', brake: 'blind' });
    expect(fixture.do(order(2))).toEqual([]);
  });
});

it('says once more that a system is served, to whoever asks for it again', () => {
  const fixture = servedByN1();
  expect(fixture.do({ type: 'RepeatConfirmation', taskId: taskOf('s1') })).toEqual([
    'TaskStartConfirmed serve-s1 n1@1',
  ]);
  fixture.do({ type: 'ReofferTasks', nodeId: node('n1') });
  expect(fixture.do({ type: 'RepeatConfirmation', taskId: taskOf('s1') })).toEqual([]);
});
