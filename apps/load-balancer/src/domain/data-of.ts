import type { EventOf } from '@holdfast/contracts';

/** What an event of this contract tells. */
export type DataOf<Contract> = EventOf<Contract>['data'];
