import { systemOfServeTask } from '@holdfast/contracts';
import type { TableEvent } from './routing-table';
import type { SystemCommand } from './system.decider';

/**
 * What the systems' own streams must say beside these events of a routing table. Both are one append: an order without
 * its grant, or a grant without its order, is never written, and the system's expected version makes the epoch unique.
 */
export function grantsFor(events: readonly TableEvent[]): SystemCommand[] {
  return events.flatMap(({ type, data }): SystemCommand[] => {
    switch (type) {
      case 'TaskMoved':
      case 'TaskAssigned': {
        const { kind, nodeId, epoch, cause, at } = data;
        // Background work is fenced by its attempt; an offer to a restarted agent repeats the grant that stands.
        if (kind !== 'serve' || cause === 'nodeStarted') return [];
        return [{ type: 'GrantServe', systemId: data.spec.systemId, nodeId, epoch, cause, at }];
      }
      case 'SystemRemovalOrdered': {
        const { systemId, nodeId, epoch, at } = data;
        return [{ type: 'GrantRemoval', systemId, nodeId, epoch, at }];
      }
      case 'TaskCancelled': {
        const systemId = systemOfServeTask(data.taskId);
        return systemId && data.by === 'retirement' ? [{ type: 'ConfirmRetired', systemId, at: data.at }] : [];
      }
      default:
        return [];
    }
  });
}
