import { type Decider, invariant } from '@holdfast/kernel';
import { specFor } from './spec-for';

type Counted = { type: 'Counted'; by: number };
type Count = { type: 'Count'; by: number };

const counter: Decider<Count, { total: number }, Counted> = {
  initial: { total: 0 },
  decide({ by }, { total }) {
    invariant(total + by >= 0, 'a count below zero');
    return by === 0 ? [] : [{ type: 'Counted', by }];
  },
  evolve: ({ total }, { by }) => ({ total: total + by }),
};

const { given } = specFor(counter);
const counted = (by: number): Counted => ({ type: 'Counted', by });
const count = (by: number): Count => ({ type: 'Count', by });

describe('specFor', () => {
  it('compares the whole outcome, and goes on from it', () => {
    given([counted(1)])
      .when(count(2))
      .then([counted(2)])
      .when(count(0))
      .then([])
      .thenState({ total: 3 });
  });

  it('fails on an outcome with one event more, or one less', () => {
    expect(() => given([]).when(count(2)).then([])).toThrow();
    expect(() =>
      given([])
        .when(count(0))
        .then([counted(0)]),
    ).toThrow();
  });

  it('knows a refusal by its code', () => {
    given([]).when(count(-1)).thenFails('INVARIANT_BROKEN');
    expect(() => given([]).when(count(1)).thenFails('INVARIANT_BROKEN')).toThrow();
  });

  it('refuses a state that a snapshot would not bring back', () => {
    const keeper: Decider<Count, { seen: Set<number> }, Counted> = {
      initial: { seen: new Set([1]) },
      decide: () => [],
      evolve: (state) => state,
    };
    expect(() => specFor(keeper).given([]).when(count(1)).then([])).toThrow();
  });
});
