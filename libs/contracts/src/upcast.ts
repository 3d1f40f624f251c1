import type { EventContract } from './define';

/** The data of an older version as the newest one would say it, step by step. It does not check what it was given. */
export function upcast(contract: EventContract, version: number, data: object): object {
  let newest = data;
  for (let older = version; older < contract.version; older += 1) {
    const step = contract.upcast[older];
    if (step === undefined) throw new TypeError(`${contract.type} has no upcaster for version ${older}`);
    newest = step(newest as never);
  }
  return newest;
}
