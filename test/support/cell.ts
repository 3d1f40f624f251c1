import { violations } from '../invariants';
import type { LoggedEvent } from '../invariants/evidence';
import { CheckingClient } from './checking-client';
import { Fleet } from './fleet';
import { gather } from './gather';

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
  /** Injects the fault, watches what must happen, heals. */
  fault(context: CellContext): Promise<void>;
  /** Once all is clean again. */
  after?(context: CellContext, events: readonly LoggedEvent[]): Promise<void> | void;
}

/** One cell `<subject>.<state>/<fault>`: clean, workload, fault, heal, clean in 120 s, all predicates, bytes compared. */
export function cell(name: string, { clusterId, fault, after }: CellParts): void {
  const systemId = name.replaceAll(/[^a-z]+/g, '-');

  it(`${name}: no predicate is broken and every acknowledged write is read back`, async () => {
    const fleet = new Fleet();
    await fleet.clean();
    await fleet.perform('/v1/systems', { systemId, clusterId, volumes: [{ volumeId: 'v1', sizeBytes: 16 * MIB }] });
    const { nodeId, epoch, ...system } = await fleet.system(systemId);
    const client = new CheckingClient({ ...system, nodeId, epoch });
    await fleet.until('the client writes', 20_000, async () => client.tally.ok >= WARM_UP_WRITES);

    const context = { fleet, client, systemId, nodeId: nodeId!, epoch: epoch!, since: await fleet.position() };
    await fault(context);
    await fleet.clean();
    const written = client.tally.ok;
    await fleet.until('the client writes on', 20_000, async () => client.tally.ok > written + WARM_UP_WRITES);

    const evidence = await gather(fleet, await client.finish());
    expect(violations(evidence)).toEqual([]);
    expect(client.tally.wrong).toBe(0);
    await after?.(context, await fleet.events(context.since));
    await fleet.perform(`/v1/systems/${systemId}/retire`, {});
    await fleet.perform(`/v1/systems/${systemId}/delete`, {});
  });
}
