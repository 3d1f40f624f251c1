import { Inbox } from '@holdfast/messaging';
import { Module, type DynamicModule } from '@nestjs/common';
import { Clusters } from './clusters';
import { Halts } from './halts';
import { HealthMonitorConsumer } from './health-monitor.consumer';
import { Observer } from './observer';

export interface ConsumerParts {
  readonly inbox: Inbox;
  readonly observer: Observer;
  readonly clusters: Clusters;
  readonly halts: Halts;
}

@Module({})
export class HealthMonitorModule {
  /** The parts are made before Nest, for reading may begin only when all that it leads to stands. */
  static with({ inbox, observer, clusters, halts }: ConsumerParts): DynamicModule {
    return {
      module: HealthMonitorModule,
      controllers: [HealthMonitorConsumer],
      providers: [
        { provide: Inbox, useValue: inbox },
        { provide: Observer, useValue: observer },
        { provide: Clusters, useValue: clusters },
        { provide: Halts, useValue: halts },
      ],
    };
  }
}
