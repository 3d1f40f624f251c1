import type { NodeFoundImpaired } from '@holdfast/contracts';
import type { DataOf } from './data-of';
import type { CloseCause, CordonCause } from './routing-table';

/** What a node's trouble means for its cluster's table: what it carries goes, or only nothing new comes. */
export type NodeTrouble =
  | { readonly type: 'CloseNode'; readonly cause: CloseCause }
  | { readonly type: 'CordonNode'; readonly cause: CordonCause };

/** Without engine or medium nothing is served there; without agent or watchdog clients still are. */
export function troubleOf({ part }: Pick<DataOf<typeof NodeFoundImpaired>, 'part'>): NodeTrouble {
  const serves = part === 'agent' || part === 'watchdog';
  return { type: serves ? 'CordonNode' : 'CloseNode', cause: 'impaired' };
}
