import { PartitionSight, sightCause } from './sight';

describe('sight of a partition', () => {
  const good = { moved: true, atEnd: true, logAppendTime: true };

  it('is lost when its clock has stood for 2 s', () => {
    const sight = new PartitionSight(0);
    expect(sight.blindness(1_999)).toBeNull();
    expect(sight.blindness(2_000)).toBe('still');
  });

  it('is lost when the position stays behind the end for 2 s, though the clock moves', () => {
    const sight = new PartitionSight(0);
    sight.note({ ...good, atEnd: false }, 1_900);
    expect(sight.blindness(1_999)).toBeNull();
    expect(sight.blindness(2_000)).toBe('behind');
  });

  it('is lost at once when append times are not the broker’s', () => {
    const sight = new PartitionSight(0);
    sight.note({ ...good, logAppendTime: false }, 100);
    expect(sight.blindness(100)).toBe('timestampType');
  });

  it('is back with the first record that is the last', () => {
    const sight = new PartitionSight(0);
    sight.note(good, 9_000);
    expect(sight.blindness(9_000)).toBeNull();
  });
});

describe('the cause of blindness', () => {
  it('is the broker when all partitions stand, else the partition', () => {
    expect(sightCause('still', [2_000, 1_000])).toBe('broker');
    expect(sightCause('still', [2_000, 999])).toBe('partition');
    expect(sightCause('timestampType', [0])).toBe('timestampType');
  });
});
