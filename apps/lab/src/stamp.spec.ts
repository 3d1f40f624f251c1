import { BLOCK_BYTES, readStamp, stampBlock } from './stamp';

const stamp = { volume: 's1/v1', block: 17, sequence: 4_711 };

describe('a stamped block', () => {
  it('reads as what was written', () => {
    expect(readStamp(stampBlock(stamp))).toEqual(stamp);
  });

  it('reads as blank when it was never written', () => {
    expect(readStamp(Buffer.alloc(BLOCK_BYTES))).toBe('blank');
  });

  it('reads as damaged when any one byte differs', () => {
    for (const offset of [0, 8, 20, 60, 64, 2_048, BLOCK_BYTES - 1]) {
      const block = stampBlock(stamp);
      block[offset] = block[offset]! ^ 1;
      expect(readStamp(block)).toBe('damaged');
    }
  });

  it('reads as damaged when half of it is of another write', () => {
    const torn = Buffer.concat([
      stampBlock(stamp).subarray(0, BLOCK_BYTES / 2),
      stampBlock({ ...stamp, sequence: 4_712 }).subarray(BLOCK_BYTES / 2),
    ]);
    expect(readStamp(torn)).toBe('damaged');
  });
});
