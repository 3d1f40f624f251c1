import type { EventOf, NodeFoundImpaired } from '@holdfast/contracts';
import type { CloseCause, CordonCause } from './routing-table';

/** What a node's trouble means for its cluster's table: what it carries goes, or only nothing new comes. */
export type NodeTrouble =
  | { readonly type: 'CloseNode'; readonly cause: CloseCause }
  | { readonly type: 'CordonNode'; readonly cause: CordonCause };

/** Without engine or medium nothing is served there; without agent or watchdog clients still are. */
export function troubleOf({ part }: Pick<EventOf<typeof NodeFoundImpaired>['data'], 'part'>): NodeTrouble {
  const serves = part === 'agent' || part === 'watchdog';
  return { type: serves ? 'CordonNode' : 'CloseNode', cause: 'impaired' };
}
