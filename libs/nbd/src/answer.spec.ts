import { Answer } from './answer';
import { decodeChunk } from './protocol';

const uint64 = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
};
const uint32 = (...values: number[]) => {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => bytes.writeUInt32BE(value, 4 * i));
  return bytes;
};
const data = (offset: number, text: string) => decodeChunk(1, Buffer.concat([uint64(offset), Buffer.from(text)]));
const hole = (offset: number, length: number) => decodeChunk(2, Buffer.concat([uint64(offset), uint32(length)]));

describe('an answer in chunks', () => {
  it('is whole whatever order its data and holes come in', () => {
    const answer = new Answer(100, 8);
    answer.take(data(106, 'gh'));
    answer.take(hole(102, 4));
    answer.take(data(100, 'ab'));
    expect(answer.data).toEqual(Buffer.from('ab\0\0\0\0gh'));
  });

  it('tells runs one after the other from where was asked, as zero by that bit alone', () => {
    const answer = new Answer(4096, 0);
    answer.take(decodeChunk(5, uint32(7, 4096, 3, 8192, 0, 512, 1)));
    expect(answer.extents).toEqual([
      { offset: 4096, length: 4096, zero: true },
      { offset: 8192, length: 8192, zero: false },
      { offset: 16_384, length: 512, zero: false },
    ]);
  });

  it.each([
    ['before', data(99, 'ab')],
    ['beyond', data(107, 'ab')],
    ['far beyond', hole(100, 1 << 30)],
  ])('holds nothing %s what was asked for', (_where, chunk) => {
    expect(() => new Answer(100, 8).take(chunk)).toThrow(expect.objectContaining({ code: 'NBD_PROTOCOL' }));
  });

  it('is an error once one of its chunks is', () => {
    const answer = new Answer(100, 8);
    answer.take(data(100, 'abcd'));
    answer.take(decodeChunk(0x8001, uint32(5)));
    answer.take(decodeChunk(0, Buffer.alloc(0)));
    expect(answer.errno).toBe(5);
  });

  it('has no chunks of a type that nobody knows', () => {
    expect(() => decodeChunk(77, Buffer.alloc(0))).toThrow(expect.objectContaining({ code: 'NBD_PROTOCOL' }));
  });
});
