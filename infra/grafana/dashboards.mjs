// The dashboards as code. `npm run generate` writes them to dashboards/*.json, which Grafana is provisioned with.
import { healthAndFailover } from './health-and-failover.mjs';
import { tasksAndPlacement } from './tasks-and-placement.mjs';

const dashboards = {
  '1-health-and-failover': healthAndFailover,
  '2-tasks-and-placement': tasksAndPlacement,
};

/** Every generated file of this folder, by its path from the top. */
export function files() {
  return new Map(
    Object.entries(dashboards).map(([name, dashboard]) => [
      `infra/grafana/dashboards/${name}.json`,
      `${JSON.stringify(dashboard, null, 2)}\n`,
    ]),
  );
}
