import { AssignerProtocol, type PartitionAssigner } from 'kafkajs';
import { BatchReader } from './batch-reader';
import type { KafkaLink } from './kafka-link';
import { partitionOf } from './murmur2';
import type { RecordBatch } from './record-batch';

export interface ReadPartitionOptions {
  kafka: KafkaLink;
  topics: readonly string[];
  /** The cluster whose partition is read; or the partition itself. */
  partitionKey?: string;
  partition?: number;
  /** Where to begin, topic by topic. A topic that is not named begins at its earliest record. */
  from: Readonly<Record<string, string>>;
  /** One batch at a time per topic. It is given again, after a pause, until it succeeds. */
  onBatch(batch: RecordBatch): Promise<void>;
  onFatal?: (error: Error) => void;
}

/** Reads one partition of each topic, in a group of its own at each start: whoever died before is not waited for. */
export async function readPartition(o: ReadPartitionOptions): Promise<{ partition: number; stop(): Promise<void> }> {
  const partition = o.partition ?? partitionOf(o.partitionKey ?? '', await o.kafka.partitions());
  const reader = new BatchReader({
    kafka: o.kafka,
    topics: o.topics,
    groupId: o.kafka.clientId,
    onBatch: o.onBatch,
    fresh: { assigner: onlyPartition(partition), startAt: (topic) => o.from[topic] },
    ...(o.onFatal ? { onFatal: o.onFatal } : {}),
  });
  await reader.start();
  return { partition, stop: () => reader.stop() };
}

/** Gives each member the one partition of every topic: the group has one member. */
function onlyPartition(partition: number): PartitionAssigner {
  return () => ({
    name: 'OnePartition',
    version: 1,
    assign: ({ members, topics }) => {
      const assignment = Object.fromEntries(topics.map((topic) => [topic, [partition]]));
      const memberAssignment = AssignerProtocol.MemberAssignment.encode({
        version: 1,
        assignment,
        userData: Buffer.alloc(0),
      });
      return Promise.resolve(members.map(({ memberId }) => ({ memberId, memberAssignment })));
    },
    protocol: ({ topics }) => ({
      name: 'OnePartition',
      metadata: AssignerProtocol.MemberMetadata.encode({ version: 1, topics, userData: Buffer.alloc(0) }),
    }),
  });
}
