import { WorkTable } from './work-fixture';

describe('a drained node that is lost', () => {
  it('has its work moved at once, and none comes back with it', () => {
    const table = WorkTable.withNodes('n1', 'n2', 'n3').running('1', 'n1', 1);
    table.drain('n1');
    expect(table.close('n1')).toEqual([
      'NodeClosed n1 down',
      expect.stringMatching(/^TaskMoved t-1 n1→n[23]@2 nodeDown$/),
      'NodeDrained n1',
    ]);
    table.open('n1');
    for (const other of ['n2', 'n3']) table.close(other);
    expect(table.workOf('1').nodeId).not.toBe('n1');
  });

  it('is overdue as long as nobody can take what it had, and is drained with the last', () => {
    const table = WorkTable.withNodes('n1').serve('s1');
    table.drain('n1', 10_000);
    expect(table.close('n1')).toEqual(['NodeClosed n1 down', expect.stringMatching(/^TaskDeferred serve-s1/)]);
    expect(table.wait(10_000).look()).toEqual(['NodeDrainOverdue n1 serve-s1']);
    table.open('n2');
    expect(table.table.nodes['n1']?.drain?.state).toBe('drained');
  });
});
