// What a process without Nest and without a database needs of Kafka: the node agent, the lab, the test harness.
export {
  encodeEvent,
  encodeSample,
  decodeRecord,
  isKnown,
  type RawRecord,
  type WireRecord,
  type EventMeta,
  type OutgoingEvent,
  type OutgoingSample,
  type Incoming,
  type IncomingEvent,
  type IncomingSample,
  type InvalidRecord,
} from './wire';
export { murmur2, partitionOf } from './murmur2';
export { KafkaLink, ensureTopics, SendUnconfirmed } from './kafka-link';
export { RecordBatch } from './record-batch';
export { readPartition, type ReadPartitionOptions } from './read-partition';
export { StreamTracker, type Offered } from './stream-tracker';
export { unknownStream, type StreamHead } from './stream-head';
export { ReplayAsker, type Hole } from './replay-asker';
export { type ReplayRequest, type ReplayRefusal } from './replay-exchange';
export { SampleSender, type SampleToSend, type SampleTarget } from './sample-sender';
export { Freshness, type PartitionFreshness } from './freshness';
