import { topics } from '@holdfast/contracts';
import type { Decider } from '@holdfast/kernel';
import { freshDatabase, type Postgres, temporaryPostgres } from '@holdfast/testing';
import { Client } from 'pg';
import { EventStore } from './event-store';
import type { NewEvent } from './events';
import { setUpStore } from './set-up-store';
import { bindDecider, type Streams } from './streams';

/** Facts about a cluster's sight, only to have a real contract of the health topic. */
export type Sight = {
  type: 'ClusterSightLost';
  data: { clusterId: string; at: string; cause: 'broker' | 'partition' };
};
export type LoseSight = { type: 'LoseSight'; cause?: Sight['data']['cause']; upTo?: number };
export interface SightState {
  lost: number;
}

const AT = '2026-05-01T10:00:00.000Z';

export const sightLost = (clusterId = 'alpha'): Sight & NewEvent => ({
  type: 'ClusterSightLost',
  data: { clusterId, at: AT, cause: 'broker' },
});

/** Loses sight once per command, `upTo` so many times. */
export const sightDecider: Decider<LoseSight, SightState, Sight> = {
  initial: { lost: 0 },
  decide: ({ cause = 'broker', upTo = Infinity }, { lost }) =>
    lost < upTo ? [{ type: 'ClusterSightLost', data: { clusterId: 'alpha', at: AT, cause } }] : [],
  evolve: ({ lost }) => ({ lost: lost + 1 }),
};

export const lose: LoseSight = { type: 'LoseSight' };

export function bindSight(store: EventStore, shape = 'v1'): Streams<LoseSight, SightState, Sight> {
  return bindDecider(store, sightDecider, { prefix: 'cluster-health', shape, partitionKey: (id) => id });
}

export interface StoreSuite {
  postgres: Postgres;
  /** Of the superuser. */
  url: string;
  /** Closed at the end of the suite. */
  connect(service?: string, url?: string): Promise<EventStore>;
  superuser(): Promise<Client>;
  stop(): Promise<void>;
}

/** A server, a database with the log's schema, and stores on it. */
export async function storeSuite(settings: Readonly<Record<string, string | number>> = {}): Promise<StoreSuite> {
  const postgres = await temporaryPostgres({ settings });
  const url = await freshDatabase(postgres, setUpStore);
  const stores: EventStore[] = [];
  return {
    postgres,
    url,
    connect: async (service = topics.health.owner, at = url) => {
      const store = await EventStore.connect({ url: at, service });
      stores.push(store);
      return store;
    },
    superuser: () => loggedIn(url, 'holdfast'),
    stop: async () => {
      await Promise.all(stores.map((store) => store.close()));
      await postgres.stop();
    },
  };
}

/** A plain connection under any role. */
export async function loggedIn(url: string, role: string): Promise<Client> {
  const at = new URL(url);
  at.username = role;
  const client = new Client({ connectionString: at.href });
  // A spec may kill the server under it.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
