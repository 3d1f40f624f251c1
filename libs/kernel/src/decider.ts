/**
 * The rules of one subject as three pure parts: where it begins, what a command leads to, and what an event changes.
 * `decide` reads no clock and draws no chance: time, ids and measurements arrive in the command. `evolve` holds no rule.
 */
export interface Decider<Command, State, Event> {
  readonly initial: State;
  decide(command: Command, state: State): Event[];
  evolve(state: State, event: Event): State;
}

/** The state after these events, from `from` (or the beginning) on. */
export function fold<C, S, E>(decider: Decider<C, S, E>, events: readonly E[], from: S = decider.initial): S {
  return events.reduce((state, event) => decider.evolve(state, event), from);
}
