import { serveOrder } from './fixture';
import { judgeOrder, mayRestart } from './order.rules';

describe('an order', () => {
  const known = { incarnation: 'now', highestEpoch: 5, servedEpoch: undefined as number | undefined };
  const order = (epoch: number, nodeIncarnation: string | null = 'now') => ({ ...serveOrder(epoch), nodeIncarnation });

  it('above what is known is taken', () => expect(judgeOrder(order(6), known)).toBe('take'));
  it('at the known epoch is taken when nothing serves', () => expect(judgeOrder(order(5), known)).toBe('take'));
  it('below the known epoch is stale', () => expect(judgeOrder(order(4), known)).toBe('stale'));
  it('at the served epoch is answered again', () =>
    expect(judgeOrder(order(5), { ...known, servedEpoch: 5 })).toBe('repeat'));
  it('above the served epoch is taken', () => expect(judgeOrder(order(6), { ...known, servedEpoch: 5 })).toBe('take'));
  it('for an older incarnation is only counted, whatever its epoch', () => {
    expect(judgeOrder(order(9, 'before'), known)).toBe('count');
    expect(judgeOrder(order(1, 'before'), known)).toBe('count');
  });
  it('for no named incarnation is meant for this one', () => expect(judgeOrder(order(6, null), known)).toBe('take'));
});

describe('a daemon that died', () => {
  it('is started again after its first and second death within a minute, not after the third', () => {
    expect(mayRestart([0], 1)).toBe(true);
    expect(mayRestart([0, 1], 2)).toBe(true);
    expect(mayRestart([0, 1, 2], 3)).toBe(false);
  });
  it('is started again when the first of three deaths is a minute old', () => {
    expect(mayRestart([0, 1, 2], 59_999)).toBe(false);
    expect(mayRestart([0, 1, 2], 60_000)).toBe(true);
  });
});
