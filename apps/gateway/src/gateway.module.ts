import { Inbox, Samples } from '@holdfast/messaging';
import { Module, type DynamicModule } from '@nestjs/common';
import { Tokens } from './access/tokens';
import { Feed } from './feed/feed';
import { GatewayConsumer } from './gateway.consumer';
import { LatestSamples } from './samples/latest';
import { LiveStreams } from './stream/live-streams';

/** What the consumer hands on to. */
export interface Heard {
  inbox: Inbox;
  samples: Samples;
  feed: Feed;
  tokens: Tokens;
  latest: LatestSamples;
  live: LiveStreams;
}

@Module({})
export class GatewayModule {
  static of({ inbox, samples, feed, tokens, latest, live }: Heard): DynamicModule {
    return {
      module: GatewayModule,
      controllers: [GatewayConsumer],
      providers: [
        { provide: Inbox, useValue: inbox },
        { provide: Samples, useValue: samples },
        { provide: Feed, useValue: feed },
        { provide: Tokens, useValue: tokens },
        { provide: LatestSamples, useValue: latest },
        { provide: LiveStreams, useValue: live },
      ],
    };
  }
}
