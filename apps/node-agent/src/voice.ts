import { setTimeout as sleep } from 'node:timers/promises';
import { contractOf, topics } from '@holdfast/contracts';
import {
  encodeEvent,
  encodeSample,
  partitionOf,
  type KafkaLink,
  type ReplayRequest,
  type SampleSender,
  type WireRecord,
} from '@holdfast/messaging/agent';
import { currentTraceparent, inSpan, storyAttributes } from '@holdfast/observability';
import { randomUUID } from 'node:crypto';
import type { Facts, Speaker } from './facts';
import type { Journal } from './journal';
import type { Fact } from './journal-records';

const BATCH_FACTS = 500;
const RETRY_MS = 500;
const HEADS_EVERY_MS = 5_000;

interface VoiceParts {
  kafka: KafkaLink;
  samples: SampleSender;
  journal: Journal;
  facts: Facts;
  speaker: Speaker;
  log(message: string, details?: object): void;
}

/** Facts from the journal to Kafka, in order, however long it is away; then how far the stream is, each 5 s. */
export class Voice {
  private sending = false;
  private stopped = false;
  private timer?: NodeJS.Timeout;

  constructor(private readonly parts: VoiceParts) {}

  start(): void {
    this.parts.facts.onTold(() => void this.sendAll());
    this.parts.kafka.replays.onRequested((asked) => this.answerReplay(asked));
    this.timer = setInterval(() => {
      this.tellHead().catch((error: unknown) => this.parts.log('the head waits', { error: String(error) }));
    }, HEADS_EVERY_MS);
    void this.sendAll();
  }

  stop(): void {
    this.stopped = true;
    clearInterval(this.timer);
  }

  private async sendAll(): Promise<void> {
    if (this.sending) return;
    this.sending = true;
    const { journal, log } = this.parts;
    while (!this.stopped && journal.state.sent < journal.state.version) {
      const { sent } = journal.state;
      const batch = journal.state.facts.filter(({ version }) => version > sent).slice(0, BATCH_FACTS);
      try {
        await this.send(batch);
        // A crash in between sends them once more: readers drop what they have seen.
        await journal.append({ k: 'sent', version: batch.at(-1)!.version });
      } catch (error) {
        log('facts wait', { from: sent + 1, error: String(error) });
        await sleep(RETRY_MS);
      }
    }
    this.sending = false;
  }

  private async send(facts: Fact[]): Promise<void> {
    const { kafka, speaker } = this.parts;
    const partition = partitionOf(speaker.clusterId, await kafka.partitions());
    const records = await Promise.all(facts.map((fact) => this.publish(fact)));
    await kafka.send(topics.nodes.name, partition, records);
  }

  private publish(fact: Fact): Promise<WireRecord> {
    const { traceparent } = fact.meta;
    const attributes = { ...storyAttributes(fact.meta), 'holdfast.version': fact.version };
    const options = { kind: 'producer', parent: traceparent, root: !traceparent, attributes } as const;
    return inSpan(`publish ${topics.nodes.name}`, options, () => this.encode(fact, currentTraceparent()));
  }

  private encode({ version, id, at, type, data, meta }: Fact, hop?: string): WireRecord {
    const { clusterId, nodeId } = this.parts.speaker;
    const event = {
      stream: this.parts.facts.stream,
      partitionKey: clusterId,
      version,
      id,
      at,
      type,
      schemaVersion: contractOf(type)!.version,
      dataText: JSON.stringify(data),
      meta,
      source: `/nodes/${nodeId}`,
    };
    return encodeEvent(event, hop);
  }

  private async tellHead(): Promise<void> {
    const { kafka, samples, journal, facts, speaker } = this.parts;
    const sent = journal.state.facts.find(({ version }) => version === journal.state.sent);
    const partition = partitionOf(speaker.clusterId, await kafka.partitions());
    const heads = sent ? [{ stream: facts.stream, version: sent.version, eventId: sent.id }] : [];
    const data = { topic: topics.nodes.name, partition, heads };
    samples.send({ type: 'StreamHeadsObserved', data }, { key: 'heads', topic: topics.nodes.name, partition });
  }

  private async answerReplay({ stream, consumer, fromVersion, toVersion }: ReplayRequest): Promise<void> {
    const { journal, facts } = this.parts;
    if (stream !== facts.stream) return;
    const kept = journal.state.facts.filter(({ version }) => version >= fromVersion && version <= toVersion);
    if (kept[0]?.version === fromVersion) return this.send(kept.slice(0, BATCH_FACTS));
    const reason = fromVersion > journal.state.version ? ('beyondHead' as const) : ('pruned' as const);
    await this.refuse({ stream, consumer, fromVersion, toVersion, reason, headVersion: journal.state.version });
  }

  private async refuse(data: { stream: string } & Record<string, unknown>): Promise<void> {
    const { kafka, speaker } = this.parts;
    const partition = partitionOf(speaker.clusterId, await kafka.partitions());
    const record = encodeSample({
      id: randomUUID(),
      at: new Date().toISOString(),
      type: 'ReplayRefused',
      schemaVersion: contractOf('ReplayRefused')!.version,
      data,
      key: speaker.clusterId,
      subject: `stream/${data.stream}`,
      source: `/nodes/${speaker.nodeId}`,
    });
    await kafka.send(topics.replays.name, partition, [record]);
  }
}
