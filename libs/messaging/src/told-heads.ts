import { StreamHeadsObserved, topicOf } from '@holdfast/contracts';
import type { InboxItem } from './inbox-run';
import { isStreamKey } from './record-rules';
import type { IncomingSample } from './wire';

/** Heads that their owner tells, of streams that live in the partition where it tells of them. */
export function headsIn(sample: IncomingSample): InboxItem[] {
  const { topic, partition, offset, source } = sample;
  if (sample.type !== StreamHeadsObserved.type) return [];
  const { success, data } = StreamHeadsObserved.schema.safeParse(sample.data);
  if (!success || data.topic !== topic || data.partition !== partition) return [];
  return data.heads
    .filter(({ stream }) => isStreamKey(stream) && mayTellOf(stream, topic, source))
    .map((head) => ({ kind: 'told', ...head, topic, partition, offset }));
}

function mayTellOf(stream: string, topic: string, source: string): boolean {
  const home = topicOf(stream);
  if (home?.name !== topic) return false;
  const node = /^\/nodes\/(.+)$/.exec(source)?.[1];
  return node === undefined ? source === `/services/${home.owner}` : stream.startsWith(`agent-${node}-`);
}
