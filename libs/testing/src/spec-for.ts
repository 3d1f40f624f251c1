import { type Decider, fold } from '@holdfast/kernel';

/** A history, and what may happen next in it. */
export interface Given<C, S, E> {
  when(command: C): Outcome<C, S, E>;
  thenState(expected: S): void;
}

export interface Outcome<C, S, E> {
  /** The whole outcome, in order. Gives the longer history, so that a story can go on. */
  then(expected: readonly E[]): Given<C, S, E>;
  thenState(expected: S): void;
  /** The decider refuses to go on with what cannot be. */
  thenFails(code: string): void;
}

/** Rules as sentences: `given([started]).when(rate(2_000)).then([cutoverEntered()])`. */
export function specFor<C, S, E>(decider: Decider<C, S, E>): { given(history: readonly E[]): Given<C, S, E> } {
  const given = (history: readonly E[]): Given<C, S, E> => ({
    when: (command) => outcomeOf(command, history),
    thenState: (expected) => expect(stateAfter(decider, history)).toEqual(expected),
  });

  const outcomeOf = (command: C, history: readonly E[]): Outcome<C, S, E> => {
    // Decided only when asked for: an outcome may be a failure.
    const decided = () => decider.decide(command, stateAfter(decider, history));
    return {
      then: (expected) => {
        expect(decided()).toEqual(expected);
        return given([...history, ...expected]);
      },
      thenState: (expected) => expect(stateAfter(decider, [...history, ...decided()])).toEqual(expected),
      thenFails: (code) => expect(decided).toThrow(expect.objectContaining({ code })),
    };
  };

  return { given };
}

/** State is kept as JSON: what would not come back from a snapshot fails here, not a day later. */
function stateAfter<C, S, E>(decider: Decider<C, S, E>, history: readonly E[]): S {
  const state = fold(decider, history);
  expect(JSON.parse(JSON.stringify(state))).toEqual(state);
  return state;
}
