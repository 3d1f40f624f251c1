import {
  AutomationHalted,
  AutomationResumed,
  PointConfirmed,
  serveTaskOf,
  SystemServeGranted,
  type EventContract,
  type SystemId,
} from '@holdfast/contracts';
import type { Feed } from '../feed/feed';
import type { FeedEvent } from '../projections/projection';
import type { TaskRow } from '../projections/tasks.projection';
import type { BackupView } from '../views/backup.view';
import type { Brake } from '../views/cluster.view';
import type { SystemStanding } from '../views/system.view';
import { BACKUP_EVENTS, whyBackup } from './backup.why';
import { CLUSTER_EVENTS, whyCluster } from './cluster.why';
import { NODE_EVENTS, VERDICTS, whyNode } from './node.why';
import { whySystem } from './system.why';
import { SERVE_EVENTS, whyTask } from './task.why';
import { chainOf, type Why } from './why';
import { WORK_EVENTS, whyWork } from './work.why';

/** How far back a story is read: its newest events. */
const STORY = 400;

/** Gathers from the feed what the pure builders need. */
export class Reasons {
  constructor(private readonly feed: Feed) {}

  async node(nodeId: string, clusterId: string | null): Promise<Why> {
    const [events, cluster] = await Promise.all([
      this.story(`node/${nodeId}`, NODE_EVENTS),
      clusterId ? this.story(`cluster/${clusterId}`, CLUSTER_EVENTS) : [],
    ]);
    return whyNode(nodeId, { events, cluster });
  }

  async cluster(clusterId: string): Promise<Why> {
    const [events, fleet] = await Promise.all([
      this.story(`cluster/${clusterId}`, CLUSTER_EVENTS),
      this.story('fleet/fleet', [AutomationHalted, AutomationResumed]),
    ]);
    return whyCluster(clusterId, chainOf([...events, ...fleet]));
  }

  /** Of all that works on a system, the serve task alone says who serves it. */
  async system(systemId: string, standing: SystemStanding, subject = `system/${systemId}`): Promise<Why> {
    const [grants, task] = await Promise.all([
      this.story(`system/${systemId}`, [SystemServeGranted]),
      this.story(`task/${serveTaskOf(systemId as SystemId)}`, SERVE_EVENTS),
    ]);
    const events = chainOf([...grants, ...task]);
    return whySystem(whyTask({ subject, events, nodes: await this.nodesOf(events) }), standing);
  }

  /** Work in the background. `brake`: what keeps it from being placed, if it waits for that. */
  async work({ taskId, totalBytes }: Pick<TaskRow, 'taskId' | 'totalBytes'>, brake: Brake | undefined): Promise<Why> {
    const subject = `task/${taskId}`;
    const events = await this.story(subject, WORK_EVENTS);
    return whyWork({ subject, events, nodes: await this.nodesOf(events), totalBytes, brake });
  }

  async backup(backup: BackupView): Promise<Why> {
    const [own, point] = await Promise.all([
      this.story(`backup/${backup.backupId}`, BACKUP_EVENTS),
      this.story(`task/${backup.taskId}`, [PointConfirmed]),
    ]);
    return whyBackup(backup, chainOf([...point, ...own]));
  }

  /** What was told of the nodes that a task was on. */
  private async nodesOf(events: FeedEvent[]): Promise<FeedEvent[]> {
    const nodeIds = new Set(events.flatMap(({ data }) => nodesIn(data as { nodeId?: string; fromNodeId?: string })));
    const nodes = await Promise.all([...nodeIds].map((nodeId) => this.story(`node/${nodeId}`, VERDICTS)));
    return chainOf(nodes.flat());
  }

  /** By type: what is told each few seconds would hide what was decided before. */
  private story(subject: string, contracts: readonly EventContract[]): Promise<FeedEvent[]> {
    return this.feed.find({ subject, types: contracts.map(({ type }) => type), limit: STORY, newest: true });
  }
}

const nodesIn = ({ nodeId, fromNodeId }: { nodeId?: string; fromNodeId?: string }): string[] =>
  [nodeId, fromNodeId].filter((id) => id !== undefined);
