import { faultAddress } from '../../apps/lab/src/fleet-plan';
import type { LedgerLine } from '../../apps/lab/src/ledger';
import { violations } from '../invariants';
import type { LoggedEvent } from '@holdfast/invariants';
import { CheckingClient } from './checking-client';
import { Fleet } from './fleet';
import { gather } from './gather';
import { PresentationProbes } from './presentation-probe';

const MIB = 1_048_576;
const WARM_UP_WRITES = 50;

export interface CellContext {
  readonly fleet: Fleet;
  readonly client: CheckingClient;
  readonly systemId: string;
  /** Who serves it as the fault begins, at which epoch. */
  readonly nodeId: string;
  readonly epoch: number;
  /** The log's position as the fault begins. */
  readonly since: number;
}

export interface CellParts {
  readonly clusterId: string;
  /** One of the systems that each node serves at an address of its own. */
  readonly systemId: string;
  /** Of its one volume, v1; 16 MiB unless said. */
  readonly sizeBytes?: number;
  /** Injects the fault, watches what must happen, heals. */
  fault(context: CellContext): Promise<void>;
  /** Once all is clean again. */
  after?(
    context: CellContext,
    events: readonly LoggedEvent[],
    client: { ledger: readonly LedgerLine[] },
  ): Promise<void> | void;
}

/** One cell `<subject>.<state>/<fault>`: clean, workload, fault, heal, clean in 120 s, all predicates, bytes compared. */
export function cell(name: string, parts: CellParts): void {
  it(`${name}: no predicate is broken and every acknowledged write is read back`, async () => {
    const { clusterId, systemId, sizeBytes = 16 * MIB } = parts;
    const fleet = new Fleet();
    await fleet.clean();
    await fleet.perform('/v1/systems', { systemId, clusterId, volumes: [{ volumeId: 'v1', sizeBytes }] });
    const { nodeId, epoch } = await fleet.system(systemId);
    const uris = placesOf(fleet, clusterId, systemId);
    const client = new CheckingClient(systemId, uris);
    const probes = new PresentationProbes(systemId, uris);
    try {
      await fleet.until('the client writes', 20_000, async () => client.tally.ok >= WARM_UP_WRITES);
      const since = await fleet.position();
      await endure({ fleet, client, systemId, nodeId: nodeId!, epoch: epoch!, since }, parts, probes);
    } finally {
      client.kill();
      await probes.stop();
    }
    await fleet.perform(`/v1/systems/${systemId}/retire`, {});
    await fleet.perform(`/v1/systems/${systemId}/delete`, {});
  });
}

async function endure(context: CellContext, { fault, after }: CellParts, probes: PresentationProbes): Promise<void> {
  const { fleet, client } = context;
  await fault(context);
  await fleet.clean();
  const written = client.tally.ok;
  await fleet.until('the client writes on', 20_000, async () => client.tally.ok > written + WARM_UP_WRITES);

  const seen = { ...(await client.finish()), probes: await probes.stop() };
  expect(violations(await gather(fleet, seen))).toEqual([]);
  expect(client.tally.wrong).toBe(0);
  expect(seen.probes.filter(({ acceptedAt }) => acceptedAt.length === 1).length).toBeGreaterThan(WARM_UP_WRITES);
  await after?.(context, await fleet.events(context.since), seen);
}

/** Every node of the cluster, each at an address of its own: the client must find out who serves. */
function placesOf({ file }: Fleet, clusterId: string, systemId: string): string[] {
  return file.nodes
    .filter((node) => node.clusterId === clusterId)
    .map(({ dataAddress }) => `nbd://${faultAddress(dataAddress, systemId)}:10809/v1`);
}
