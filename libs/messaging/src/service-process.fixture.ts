/** For specs: one service as a process of its own, to be killed at a certain moment, or paused. */
import { EventStore } from '@holdfast/event-store';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { BatchTransport } from './batch-transport';
import { Inbox } from './inbox';
import { KafkaLink } from './kafka-link';
import type { RecordBatch } from './record-batch';
import { Relay } from './relay';
import { appendTo, HEALTH, noting } from './stage.fixture';
import type { WireRecord } from './wire';

export type Moment =
  | 'appended, not published'
  | 'published, still in the outbox'
  | 'in the transaction'
  | 'committed, its offset not'
  | 'a batch in hand';

export interface ServiceProcessOptions {
  url: string;
  brokers: string;
  /** It speaks of this stream, or hears of it as this consumer. */
  stream: string;
  hears?: string;
  /** When it meets its fate: it kills itself, or says so, goes on with its batch when told to, and ends. */
  at: Moment;
  fate: 'dies' | 'waits';
}

/** The built one, for a process does not compile. Resolves when it was started, not when anything has happened. */
export async function startService(o: ServiceProcessOptions): Promise<ChildProcess> {
  const file = join(__dirname, '../dist/service-process.fixture.js');
  const child = fork(file, [JSON.stringify(o)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] });
  await once(child, 'spawn');
  return child;
}

class Service {
  private readonly o: ServiceProcessOptions;
  private met = false;

  constructor(o: ServiceProcessOptions) {
    this.o = o;
  }

  async speak(): Promise<void> {
    const { stream } = this.o;
    const store = await EventStore.connect({ url: this.o.url, service: 'health-monitor' });
    await appendTo(store, stream, 3);
    const kafka = new KafkaLink({ brokers: [this.o.brokers], clientId: 'speaks' });
    const send = kafka.send.bind(kafka);
    kafka.send = async (topic: string, partition: number, records: readonly WireRecord[]) => {
      const ours = records.some(({ headers }) => String(headers['ce_subject']) === stream);
      if (ours) await this.moment('appended, not published');
      await send(topic, partition, records);
      if (ours) await this.moment('published, still in the outbox');
    };
    new Relay({ store, kafka }).start();
  }

  async hear(consumer: string): Promise<void> {
    const ours = ({ stream }: { stream: string }) => stream === this.o.stream;
    const store = await EventStore.connect({ url: this.o.url, service: 'load-balancer' });
    const kafka = new KafkaLink({ brokers: [this.o.brokers], clientId: `hears-${consumer}` });
    const inbox = new Inbox({ store, kafka, consumer });
    const transport = new BatchTransport({ kafka, groupId: `load-balancer-${consumer}` });
    const receive = async (batch: RecordBatch) => {
      const mine = batch.decoded().some((record) => record.kind === 'event' && ours(record));
      if (mine) await this.moment('a batch in hand');
      await inbox.receive(batch, {
        ClusterSightLost: async (event, tx) => {
          await noting(consumer).ClusterSightLost!(event, tx);
          if (ours(event)) await this.moment('in the transaction');
        },
      });
      if (mine) await this.moment('committed, its offset not');
      // It did after its moment what it would have done.
      if (this.met) process.exit();
    };
    transport.addHandler(HEALTH, receive, true);
    await new Promise<void>((ready, failed) => transport.listen((error) => (error ? failed(error) : ready())));
  }

  private async moment(now: Moment): Promise<void> {
    if (now !== this.o.at || this.met) return;
    this.met = true;
    if (this.o.fate === 'dies') process.kill(process.pid, 'SIGKILL');
    const told = once(process, 'message');
    process.send!(now);
    await told;
  }
}

if (require.main === module) {
  const o = JSON.parse(process.argv[2]!) as ServiceProcessOptions;
  // Whoever started it has ended: so does this.
  process.on('disconnect', () => process.exit());
  const service = new Service(o);
  void (o.hears === undefined ? service.speak() : service.hear(o.hears));
}
