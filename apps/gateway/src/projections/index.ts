import { automationProjection, clustersProjection } from './clusters.projection';
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
  operationsProjection,
  parkedEventsProjection,
  tokensProjection,
  automationProjection,
] as readonly Projection<unknown>[] as readonly Projection[];
