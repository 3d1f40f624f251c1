import { allTopics, topics } from '@holdfast/contracts';
import { Inbox, RecordBatch, Samples } from '@holdfast/messaging';
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { Tokens } from './access/tokens';
import { Feed } from './feed/feed';
import { LatestSamples } from './samples/latest';
import { LiveStreams } from './stream/live-streams';

/** Every topic that has streams: what the gateway knows is what it read there. */
const streamTopics = allTopics.filter(({ prefixes }) => prefixes.length > 0).map(({ name }) => name);

@Controller()
export class GatewayConsumer {
  constructor(
    private readonly inbox: Inbox,
    private readonly samples: Samples,
    private readonly feed: Feed,
    private readonly tokens: Tokens,
    private readonly latest: LatestSamples,
    private readonly live: LiveStreams,
  ) {}

  @EventPattern(streamTopics)
  onEvent(@Ctx() batch: RecordBatch): Promise<void> {
    return this.inbox.receive(batch, {
      '*': async (event, tx) => {
        await this.feed.append(event, tx);
        tx.onCommit(() => this.tokens.apply(event));
        tx.onCommit(() => this.feed.wake());
      },
    });
  }

  // A sample is shown while it is the newest of its subject, and then forgotten.
  @EventPattern(topics.samples.name)
  async onSample(@Ctx() batch: RecordBatch): Promise<void> {
    await this.samples.receive(batch, {
      HeartbeatObserved: ({ data, appendedAt }) => {
        this.latest.beat({ data, appendedAt });
        this.live.sample({ type: 'HeartbeatObserved', subject: `node/${data.nodeId}`, data, appendedAt });
      },
      TaskProgressObserved: ({ data, appendedAt }) => {
        this.latest.taskProgress({ data, appendedAt });
        this.live.sample({ type: 'TaskProgressObserved', subject: `task/${data.taskId}`, data, appendedAt });
      },
      ServiceStatusObserved: ({ data, appendedAt }) => {
        this.latest.status({ data, appendedAt });
        this.live.sample({ type: 'ServiceStatusObserved', subject: `service/${data.service}`, data, appendedAt });
      },
    });
  }
}
