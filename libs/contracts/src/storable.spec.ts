import { findUnstorable } from './storable';

const nested = (depth: number): unknown => (depth === 0 ? {} : { in: nested(depth - 1) });

describe('what can be stored', () => {
  it.each([
    ['text of any language', { a: ['grün', '緑', '🟢'] }],
    ['numbers, truth and nothing', { a: 1, b: true, c: null }],
    ['63 objects in one', nested(63)],
  ])('is %s', (_name, data) => expect(findUnstorable(data)).toBeNull());

  it.each([
    ['U+0000', { media: [{ state: 'ok' }, { state: 'o\0k' }] }, 'media.1.state', 'text'],
    ['the first half of a pair', { reason: 'a\ud83d' }, 'reason', 'text'],
    ['the second half of a pair', { reason: '\udfe2' }, 'reason', 'text'],
    ['a name with U+0000', { by: { 'a\0': 1 } }, 'by', 'name'],
    ['64 objects in one', nested(64), Array<string>(64).fill('in').join('.'), '64 levels'],
  ])('is not %s, and where is told', (_name, data, path, problem) => {
    expect(findUnstorable(data)).toMatchObject({ path, problem: expect.stringContaining(problem) });
  });

  it('is told of data that is nested without end', () => {
    expect(findUnstorable(nested(5_000))?.problem).toContain('64 levels');
  });
});
