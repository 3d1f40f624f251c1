import { EventStore } from '@holdfast/event-store';
import { Inbox } from '@holdfast/messaging';
import { type DynamicModule, Module } from '@nestjs/common';
import { DueTimers } from './due-timers';
import { Fleet } from './fleet';
import { LoadBalancerConsumer } from './load-balancer.consumer';
import { Placements } from './placements';
import { Systems } from './systems';

@Module({})
export class LoadBalancerModule {
  static of({ store, inbox, takenMs }: { store: EventStore; inbox: Inbox; takenMs: number }): DynamicModule {
    return {
      module: LoadBalancerModule,
      controllers: [LoadBalancerConsumer],
      providers: [
        { provide: EventStore, useValue: store },
        { provide: Inbox, useValue: inbox },
        { provide: Placements, useFactory: () => new Placements(store, takenMs) },
        Systems,
        Fleet,
        DueTimers,
      ],
    };
  }
}
