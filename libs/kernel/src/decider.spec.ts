import { type Decider, fold } from './decider';
import { assertNever, FleetError, invariant, InvariantBroken } from './errors';

const counter: Decider<{ add: number }, number, { added: number }> = {
  initial: 0,
  decide: ({ add }) => (add === 0 ? [] : [{ added: add }]),
  evolve: (state, { added }) => state + added,
};

describe('fold', () => {
  it('applies events in order from the initial state', () => {
    expect(fold(counter, [{ added: 1 }, { added: 2 }])).toBe(3);
  });

  it('goes on from a given state', () => {
    expect(fold(counter, [{ added: 2 }], 40)).toBe(42);
  });
});

describe('invariant', () => {
  it('throws a typed error that no retry can mend', () => {
    const broken = () => invariant(false, 'two owners at one epoch');
    expect(broken).toThrow(InvariantBroken);
    expect(broken).toThrow(expect.objectContaining({ code: 'INVARIANT_BROKEN', retryable: false }));
  });

  it('names the value that a switch has left out', () => {
    expect(() => assertNever('late' as never)).toThrow('unhandled: "late"');
  });
});

it('keeps the cause of a wrapped error', () => {
  class Wrapped extends FleetError {
    readonly code = 'WRAPPED';
    readonly retryable = true;
  }
  const cause = new TypeError('inside');
  expect(new Wrapped('outside', { cause }).cause).toBe(cause);
  expect(new Wrapped('outside').name).toBe('Wrapped');
});
