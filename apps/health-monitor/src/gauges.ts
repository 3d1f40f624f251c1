import { onScrape } from '@holdfast/observability';
import type { Clusters } from './clusters';
import { sceneOf, suspicionOf } from './domain/standing';
import { healthBlind, healthFrozen, nodeSuspicion } from './metrics';
import type { Observer } from './observer';

/** What is read, not counted, is read when somebody asks. */
export function showGauges(clusters: Clusters, observer: Observer): void {
  onScrape(() => {
    nodeSuspicion().reset();
    for (const clusterId of clusters.ids) {
      const state = clusters.stateOf(clusterId);
      healthBlind().set({ cluster: clusterId }, observer.isBlind(clusterId) ? 1 : 0);
      healthFrozen().set({ cluster: clusterId }, state.frozen ? 1 : 0);
      const measurement = observer.measure(clusterId);
      const { standings, atMs } = sceneOf({ measurement, alphaMs: observer.o.alphaMs }, state);
      for (const standing of standings) {
        nodeSuspicion().set({ cluster: clusterId, node: standing.node.nodeId }, suspicionOf(standing, atMs));
      }
    }
  });
}
