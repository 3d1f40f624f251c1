import { EventStore } from '@holdfast/event-store';
import { Inbox, Samples } from '@holdfast/messaging';
import { type DynamicModule, Module } from '@nestjs/common';
import { CheckpointBatches } from './checkpoint-batches';
import { DueTimers } from './due-timers';
import { Fleet } from './fleet';
import { LoadBalancerConsumer } from './load-balancer.consumer';
import { Placements } from './placements';
import { Plans } from './plans';
import { ProgressWatch } from './progress';
import { Systems } from './systems';
import { Tasks } from './tasks';

interface LoadBalancerParts {
  readonly store: EventStore;
  readonly inbox: Inbox;
  readonly samples: Samples;
  readonly takenMs: number;
  readonly usualBytesPerSec: number;
}

@Module({})
export class LoadBalancerModule {
  static of({ store, inbox, samples, takenMs, usualBytesPerSec }: LoadBalancerParts): DynamicModule {
    return {
      module: LoadBalancerModule,
      controllers: [LoadBalancerConsumer],
      providers: [
        { provide: EventStore, useValue: store },
        { provide: Inbox, useValue: inbox },
        { provide: Samples, useValue: samples },
        {
          provide: Placements,
          inject: [ProgressWatch],
          useFactory: (progress: ProgressWatch) => new Placements(store, takenMs, progress),
        },
        {
          provide: Tasks,
          inject: [Placements],
          useFactory: (placements: Placements) => new Tasks(placements, usualBytesPerSec),
        },
        ProgressWatch,
        CheckpointBatches,
        Systems,
        Plans,
        Fleet,
        DueTimers,
      ],
    };
  }
}
