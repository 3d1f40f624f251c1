import { BackgroundTable } from './background-fixture';
import { valuesOf } from './persistent-map';
import { servedByN1 } from './table-fixture';

const nodesOf = ({ table }: { table: { nodes: object } }) => Object.keys(table.nodes);

describe('a retired node', () => {
  it('leaves the table at once when it carries nothing, and is told nothing more', () => {
    const fixture = servedByN1('n2');
    expect(fixture.close('n2', 'retired')).toEqual(['NodeClosed n2 retired']);
    expect(nodesOf(fixture)).toEqual(['n1']);
    expect(fixture.close('n2', 'retired')).toEqual([]);
  });

  it('leaves it with the last that it carried', () => {
    const fixture = BackgroundTable.serving('n2').running('n1').hold();
    fixture.close('n1', 'retired');
    expect(nodesOf(fixture)).toEqual(['n1', 'n2']);
    expect(fixture.resume().filter((line) => line.startsWith('TaskMoved'))).toHaveLength(2);
    expect(nodesOf(fixture)).toEqual(['n2']);
  });

  it('that was down before leaves it too; one that is but down stays', () => {
    const fixture = servedByN1('n2');
    fixture.close('n2', 'down');
    expect(nodesOf(fixture)).toEqual(['n1', 'n2']);
    expect(fixture.close('n2', 'retired')).toEqual(['NodeClosed n2 retired']);
    expect(nodesOf(fixture)).toEqual(['n1']);
  });

  it('is home to nothing: one that joins by its name is another, and may carry again', () => {
    const fixture = servedByN1('n2');
    fixture.close('n1', 'retired');
    expect(fixture.task('s1').home).toBe('n2');
    expect(fixture.open('n1')).toEqual(['NodeOpened n1']);
    fixture.take('s1');
    expect(fixture.close('n2')).toContain('TaskMoved serve-s1 n2→n1@3 nodeDown');
  });

  it('is not where the next task of its subject finds its way back to', () => {
    const fixture = BackgroundTable.serving('n2').backedUp();
    const [home] = valuesOf(fixture.table.homes);
    const other = home === 'n1' ? 'n2' : 'n1';
    fixture.close(home!, 'retired');
    expect(nodesOf(fixture)).toEqual([other]);
    expect(valuesOf(fixture.table.homes)).toEqual([]);
  });
});
