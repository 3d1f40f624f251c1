import { automationProjection, clustersProjection } from './clusters.projection';
import { backupsProjection } from './backups.projection';
import { nodesProjection } from './nodes.projection';
import { operationsProjection } from './operations.projection';
import { parkedEventsProjection } from './parked-events.projection';
import type { Projection } from './projection';
import { systemsProjection } from './systems.projection';
import { tasksProjection } from './tasks.projection';
import { tokensProjection } from './tokens.projection';

/** Every projection of the feed. A row's shape is its own business: whoever folds it only keeps it. */
export const projections = [
  clustersProjection,
  nodesProjection,
  systemsProjection,
  tasksProjection,
  backupsProjection,
  parkedEventsProjection,
  tokensProjection,
  automationProjection,
  // Last: who reads that an operation has ended finds in the other rows what it led to.
  operationsProjection,
] as readonly Projection<unknown>[] as readonly Projection[];
