import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { topics, type ClusterId, type NodeId } from '@holdfast/contracts';
import { setUpStore } from '@holdfast/event-store';
import { ensureTopics } from '@holdfast/messaging';
import { KafkaLink } from '@holdfast/messaging/agent';
import { readConfig } from '@holdfast/observability';
import {
  freshDatabase,
  startKafka,
  temporaryPostgres,
  together,
  type Postgres,
  type RunningKafka,
} from '@holdfast/testing';
import { ConfigResourceTypes } from 'kafkajs';
import { Pool } from 'pg';
import { healthConfig } from './config';
import type { HealthEvent } from './domain/cluster-health';
import { FakeGateway, FakeNode } from './fake-fleet';
import { startHealthMonitor, type RunningService } from './health-monitor';

const ALPHA_MS = 3_000;
const WAIT_MS = 30_000;
jest.setTimeout(120_000);

let dir: string;
let broker: RunningKafka;
let postgres: Postgres;
/** Several tests wait for several clusters at once: a client each. */
let reader: Pool;
let kafka: KafkaLink;
let gateway: FakeGateway;
let service: RunningService;
let env: Record<string, string>;
const everybody: FakeNode[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'holdfast-health-'));
  [broker, postgres] = await Promise.all([startKafka({ dir, quickStart: true }), temporaryPostgres()]);
  const url = await freshDatabase(postgres, setUpStore);
  await ensureTopics([broker.brokers], { partitions: 4 });
  reader = new Pool({ connectionString: url });
  // At the end the server stops beside clients that have just said goodbye.
  reader.on('error', () => undefined);
  kafka = new KafkaLink({ brokers: [broker.brokers], clientId: 'fake-nodes' });
  gateway = new FakeGateway(kafka);
  env = {
    HOLDFAST_DATABASE_URL: url,
    HOLDFAST_KAFKA_BROKERS: broker.brokers,
    HOLDFAST_HEALTH_ALPHA_MS: String(ALPHA_MS),
  };
  service = await start();
});

afterAll(async () => {
  for (const node of everybody) node.fallSilent();
  await service?.stop();
  await kafka?.stop();
  await reader?.end();
  await Promise.all([broker?.stop(), postgres?.stop()]);
  await rm(dir, { recursive: true, force: true });
});

const start = (): Promise<RunningService> => startHealthMonitor(readConfig(healthConfig, env));

/** A cluster whose nodes have all joined and been found healthy. */
async function cluster(name: string, size: number): Promise<FakeNode[]> {
  const nodes = Array.from({ length: size }, (_, i) => {
    return new FakeNode(kafka, name as ClusterId, `${name}-${i + 1}` as NodeId);
  });
  for (const [i, node] of nodes.entries()) {
    node.peers = nodes.filter((other) => other !== node);
    node.beat((i * 370) % 1_000);
  }
  everybody.push(...nodes);
  await gateway.join(nodes);
  await heard(name, (events) => nodes.every(({ nodeId }) => events.some(isAbout('NodeRecovered', nodeId))));
  return nodes;
}

const isAbout = (type: string, nodeId?: string) => (event: HealthEvent) =>
  event.type === type && (nodeId === undefined || ('nodeId' in event.data && event.data.nodeId === nodeId));

async function eventsOf(clusterId: string): Promise<HealthEvent[]> {
  const { rows } = await reader.query<HealthEvent>(
    `select e.type, e.data::json as data from es.event_health e join es.stream_health s using (stream_no)
     where s.key = $1 order by e.version`,
    [`cluster-health-${clusterId}`],
  );
  return rows;
}

async function heard(clusterId: string, when: (events: HealthEvent[]) => boolean): Promise<HealthEvent[]> {
  for (const until = Date.now() + WAIT_MS; ; await sleep(50)) {
    const events = await eventsOf(clusterId);
    if (when(events)) return events;
    if (Date.now() > until) throw new Error(`${clusterId} told only: ${events.map(({ type }) => type).join(', ')}`);
  }
}

const find = <T extends HealthEvent['type']>(events: HealthEvent[], type: T) =>
  events.find((event): event is Extract<HealthEvent, { type: T }> => event.type === type);

const isOfSight = ({ type }: HealthEvent) => type === 'ClusterSightLost' || type === 'ClusterSightRegained';

const verdicts = (events: HealthEvent[]) =>
  events.filter(({ type }) => ['NodeSuspected', 'NodeDeclaredDown', 'NodeFoundIsolated'].includes(type));

describe('the health monitor', () => {
  // First, while nothing else runs beside it: its upper bound is a time.
  it('declares a silent node down in time, by the evidence of two peers', async () => {
    const clusters = await Promise.all(Array.from({ length: 6 }, (_, i) => cluster(`down${i}`, 3)));
    const took = await Promise.all(
      clusters.map(async ([victim], i) => {
        await sleep(i * 170);
        victim!.die();
        const events = await heard(victim!.clusterId, (all) => all.some(isAbout('NodeDeclaredDown')));
        const data = find(events, 'NodeDeclaredDown')?.data;
        expect(data).toMatchObject({ nodeId: victim!.nodeId, reason: 'heartbeatTimeout' });
        expect(data?.evidence).toMatchObject({ rule: 'twoPeersFail', lateNodes: 1, limit: 1 });
        return Date.now() - victim!.silentSince;
      }),
    );
    // The bound is the rule's: a heartbeat, α and a canary; the rest is this machine's.
    expect(Math.min(...took)).toBeGreaterThan(ALPHA_MS);
    expect(Math.max(...took)).toBeLessThan(1_000 + ALPHA_MS + 250 + 1_000);
  });

  // A cluster each, where silences grow old.
  describe('of many clusters at once', () => {
    together('issues a probe plan as nodes join and first beat', async () => {
      await cluster('plan', 3);
      const plan = (await eventsOf('plan')).findLast(({ type }) => type === 'ProbePlanIssued');
      expect(plan?.data).toMatchObject({ clusterId: 'plan' });
      expect((plan as Extract<HealthEvent, { type: 'ProbePlanIssued' }>).data.edges).toHaveLength(6);
    });

    together('waits half of the waiting time more where one peer is all there is', async () => {
      const [, victim] = await cluster('pair', 2);
      victim!.die();
      const events = await heard('pair', (all) => all.some(isAbout('NodeDeclaredDown')));
      const down = find(events, 'NodeDeclaredDown');
      expect(down?.data.evidence.rule).toBe('onePeerFails');
      expect(down?.data.silentMs).toBeGreaterThan(1.5 * ALPHA_MS);
    });

    together('finds a node isolated that its peers still reach', async () => {
      const [victim] = await cluster('cut', 3);
      victim!.fallSilent();
      const events = await heard('cut', (all) => all.some(isAbout('NodeFoundIsolated')));
      expect(events.some(isAbout('NodeDeclaredDown'))).toBe(false);
      expect(find(events, 'NodeFoundIsolated')?.data.evidence.rule).toBe('peerReaches');
    });

    together('finds a node partitioned that beats while its probe daemon answers none of its peers', async () => {
      const [victim] = await cluster('deaf', 3);
      victim!.answers = false;
      const events = await heard('deaf', (all) => all.some(isAbout('NodeFoundPartitioned', victim!.nodeId)));
      expect(find(events, 'NodeFoundPartitioned')?.data.evidence).toMatchObject({ rule: 'peersFail', lateNodes: 0 });
      expect(verdicts(events)).toEqual([]);
      victim!.die();
      await heard('deaf', (all) => all.some(isAbout('NodeDeclaredDown', victim!.nodeId)));
    });

    together('leaves a node in maintenance alone until the end, and gives it a whole waiting time then', async () => {
      const [victim] = await cluster('work', 3);
      const { clusterId, nodeId } = victim!;
      const ask = (action: string, forMs: number) =>
        gateway.say(clusterId, 'request-maintenance', {
          type: 'NodeMaintenanceRequested',
          data: { clusterId, nodeId, action, forMs, drain: false, reason: 'new disks' },
        });
      const tooLong = await ask('start', 24 * 3_600_000 + 1);
      const requestId = await ask('start', 8_000);
      const started = await heard('work', (all) => all.some(isAbout('NodeMaintenanceStarted', nodeId)));
      expect(find(started, 'NodeMaintenanceRejected')?.data).toMatchObject({ requestId: tooLong });
      expect(find(started, 'NodeMaintenanceStarted')?.data).toMatchObject({ requestId, reason: 'new disks' });
      victim!.die();
      const events = await heard('work', (all) => all.some(isAbout('NodeDeclaredDown', nodeId)));
      expect(events.slice(started.length).map(({ type }) => type)).toEqual([
        'VerdictWithheld',
        'NodeMaintenanceEnded',
        'NodeSuspected',
        'NodeDeclaredDown',
      ]);
      const [ended, down] = [find(events, 'NodeMaintenanceEnded'), find(events, 'NodeDeclaredDown')];
      expect(Date.parse(down!.data.at) - Date.parse(ended!.data.at)).toBeGreaterThanOrEqual(ALPHA_MS);
    });

    together('freezes on mass silence, and lets a person thaw it', async () => {
      const [, second, third] = await cluster('mass', 3);
      second!.die();
      third!.die();
      const frozen = await heard('mass', (all) => all.some(isAbout('VerdictWithheld')));
      expect(find(frozen, 'ClusterFrozen')?.data).toMatchObject({ cause: 'massSilence', limit: 1 });
      expect(frozen.some(isAbout('NodeDeclaredDown'))).toBe(false);

      const requestId = await gateway.say('mass', 'request-thaw', {
        type: 'ClusterThawRequested',
        data: { clusterId: 'mass', reason: 'both are really off' },
      });
      const thawed = await heard('mass', (all) => all.filter(isAbout('NodeDeclaredDown')).length === 2);
      expect(find(thawed, 'ClusterThawed')?.data).toMatchObject({ by: 'operator', requestId });
    });

    together('refuses to declare a beating node down by hand', async () => {
      const [node] = await cluster('hand', 3);
      const asked = { clusterId: 'hand', nodeId: node!.nodeId, reason: 'I think so' };
      await gateway.say('hand', 'request-1', { type: 'NodeDownRequested', data: { ...asked, poweredOff: false } });
      await gateway.say('hand', 'request-2', { type: 'NodeDownRequested', data: { ...asked, poweredOff: true } });
      const events = await heard('hand', (all) => all.filter(isAbout('NodeDownRejected')).length === 2);
      const reasons = events.flatMap((event) => (event.type === 'NodeDownRejected' ? [event.data.reason] : []));
      expect(reasons).toEqual(['NODE_BEATS', 'ATTESTATION_CONTRADICTED']);
    });

    together('withholds verdicts while automation is halted', async () => {
      const [victim] = await cluster('halt', 3);
      await gateway.say('halt', 'automation-halt', {
        type: 'AutomationHalted',
        data: { scope: 'halt', reason: 'work on the racks' },
      });
      victim!.die();
      const events = await heard('halt', (all) => all.some(isAbout('VerdictWithheld')));
      expect(find(events, 'VerdictWithheld')?.data).toMatchObject({ verdict: 'down', brake: 'halted' });
      await gateway.say('halt', 'automation-halt', { type: 'AutomationResumed', data: { scope: 'halt' } });
      await heard('halt', (all) => all.some(isAbout('NodeDeclaredDown', victim!.nodeId)));
    });

    together('declares nobody down when all agents restart', async () => {
      const nodes = await cluster('restart', 3);
      for (const node of nodes) node.fallSilent();
      await sleep(1_500);
      for (const node of nodes) node.restart();
      const events = await heard('restart', (all) =>
        nodes.every(({ nodeId }) => all.some(isAbout('NodeRestarted', nodeId))),
      );
      expect(verdicts(events)).toEqual([]);
    });
  });

  it('finds the same verdict when it is restarted in the middle of the silence', async () => {
    const [victim] = await cluster('again', 3);
    victim!.die();
    await service.stop();
    service = await start();
    const events = await heard('again', (all) => all.some(isAbout('NodeDeclaredDown')));
    expect(verdicts(events).map(({ type }) => type)).toEqual(['NodeSuspected', 'NodeDeclaredDown']);
    expect(find(events, 'NodeDeclaredDown')?.data).toMatchObject({ nodeId: victim!.nodeId });
  });

  it.each([
    ['stopped', 'SIGSTOP', 3_000],
    // Its clients have to find each other again.
    ['killed', 'SIGKILL', 10_000],
  ])('loses sight of everything while the broker is %s, and declares nothing', async (name, signal, backMs) => {
    const id = `blind-${name}`;
    await cluster(id, 3);
    if (signal === 'SIGKILL') await broker.kill();
    else broker.process.kill('SIGSTOP');
    const lost = await heard(id, (all) => all.some(isAbout('ClusterSightLost')));
    expect(find(lost, 'ClusterSightLost')?.data).toMatchObject({ cause: 'broker' });
    await sleep(3_000);
    if (signal === 'SIGKILL') await broker.restart();
    else broker.process.kill('SIGCONT');
    const backAt = Date.now();
    const events = await heard(id, (all) => all.some(isAbout('ClusterSightRegained')));
    expect(Date.now() - backAt).toBeLessThan(backMs);
    expect(find(events, 'ClusterSightRegained')?.data).toMatchObject({ sightHoldMs: ALPHA_MS });

    // Nobody was declared in the waiting time that everybody has after it.
    await sleep(ALPHA_MS + 2_000);
    expect(verdicts(await eventsOf(id))).toEqual([]);
  });

  it('does not start on samples that carry their senders’ times, and is blind when they begin to', async () => {
    await cluster('times', 3);
    // Sight that a busy machine has lost already cannot be lost again: then it is seen back first.
    for (let cause: string | undefined; cause !== 'timestampType';) {
      await setTimestampType('LogAppendTime');
      const before = await heard('times', (all) => all.findLast(isOfSight)?.type !== 'ClusterSightLost');
      await setTimestampType('CreateTime');
      const since = (all: HealthEvent[]) => all.slice(before.length);
      const lost = since(await heard('times', (all) => since(all).some(isAbout('ClusterSightLost'))));
      cause = find(lost, 'ClusterSightLost')?.data.cause;
    }
    await expect(start()).rejects.toMatchObject({ code: 'TOPIC_TIMESTAMP_TYPE' });
    await setTimestampType('LogAppendTime');
    await heard('times', (all) => all.findLast(isOfSight)?.type === 'ClusterSightRegained');
  });
});

async function setTimestampType(value: string): Promise<void> {
  const configEntries = [{ name: 'message.timestamp.type', value }];
  const resource = { type: ConfigResourceTypes.TOPIC, name: topics.samples.name, configEntries };
  await kafka.admin((admin) => admin.alterConfigs({ validateOnly: false, resources: [resource] }));
}
