import { serveTaskOf, type SystemId } from '@holdfast/contracts';
import type { Feed } from '../feed/feed';
import type { FeedEvent } from '../projections/projection';
import { whyCluster } from './cluster.why';
import { whyNode } from './node.why';
import type { Standing } from '../views/system.view';
import { whySystem } from './system.why';
import { whyTask } from './task.why';
import { chainOf, type Why } from './why';

/** How far back a story is read: its newest events. */
const STORY = 400;

/** Gathers from the feed what the pure builders need. */
export class Reasons {
  constructor(private readonly feed: Feed) {}

  async node(nodeId: string, clusterId: string | null): Promise<Why> {
    const [events, cluster] = await Promise.all([
      this.story(`node/${nodeId}`),
      clusterId ? this.story(`cluster/${clusterId}`) : [],
    ]);
    return whyNode(nodeId, { events, cluster });
  }

  async cluster(clusterId: string): Promise<Why> {
    const [events, fleet] = await Promise.all([this.story(`cluster/${clusterId}`), this.story('fleet/fleet')]);
    return whyCluster(clusterId, chainOf([...events, ...fleet]));
  }

  async system(systemId: string, standing: Standing): Promise<Why> {
    const [own, task] = await Promise.all([
      this.story(`system/${systemId}`),
      this.story(`task/${serveTaskOf(systemId as SystemId)}`),
    ]);
    return whySystem(await this.placed(`system/${systemId}`, chainOf([...own, ...task])), standing);
  }

  async task(taskId: string): Promise<Why> {
    return this.placed(`task/${taskId}`, await this.story(`task/${taskId}`));
  }

  private async placed(subject: string, events: FeedEvent[]): Promise<Why> {
    const nodeIds = new Set(events.flatMap(({ data }) => nodesIn(data as { nodeId?: string; fromNodeId?: string })));
    const nodes = await Promise.all([...nodeIds].map((nodeId) => this.story(`node/${nodeId}`)));
    return whyTask({ subject, events, nodes: chainOf(nodes.flat()) });
  }

  private story(subject: string): Promise<FeedEvent[]> {
    return this.feed.find({ subject, limit: STORY, newest: true });
  }
}

const nodesIn = ({ nodeId, fromNodeId }: { nodeId?: string; fromNodeId?: string }): string[] =>
  [nodeId, fromNodeId].filter((id) => id !== undefined);
