import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { taskKind } from '@holdfast/contracts';
import { KafkaLink, SampleSender } from '@holdfast/messaging/agent';
import { logger } from '@holdfast/observability';
import { adoptAll } from './adoption';
import type { AgentConfig } from './config';
import { Ears } from './ears';
import { endHalfDone } from './endings';
import { Facts, type Speaker } from './facts';
import { Heartbeat } from './heartbeat';
import { Journal } from './journal';
import { obeys } from './orders';
import { sweepOrphans } from './orphans';
import { endPrivateDaemons } from './private-daemon';
import { Points } from './points';
import { ProbeDaemon } from './probe-daemon';
import { Prober } from './prober';
import type { TaskSample } from './progress';
import { fillFromBackup } from './restore';
import { Serving } from './serving';
import type { NodeEngine } from './take-up';
import { Tasks } from './tasks';
import { Voice } from './voice';
import { WatchdogLink } from './watchdog-link';

const lines = logger('agent');
const log = (message: string, details: object = {}) => lines.info(details, message);

/** Everything of one agent, in the order in which it comes up: what it holds first, Kafka last. */
export async function startAgent(config: AgentConfig): Promise<{ stop(): Promise<void> }> {
  const stateFolder = config.HOLDFAST_AGENT_STATE_DIR;
  const runFolder = join(stateFolder, 'run');
  await mkdir(runFolder, { recursive: true });
  process.chdir(stateFolder); // a unix socket's name has 108 bytes at most
  const watchdog = await WatchdogLink.open(join(runFolder, 'agent.sock'));

  const journal = await Journal.open(join(stateFolder, 'journal'));
  const { HOLDFAST_AGENT_CLUSTER_ID: clusterId, HOLDFAST_AGENT_NODE_ID: nodeId } = config;
  const speaker: Speaker = { clusterId, nodeId, incarnation: randomUUID() };
  const facts = new Facts(journal, speaker);
  const node = nodeEngine(config, runFolder);
  const clientId = `agent-${nodeId}-${speaker.incarnation}`;
  const kafka = new KafkaLink({ brokers: config.HOLDFAST_KAFKA_BROKERS.split(','), clientId });
  const samples = new SampleSender({ kafka, source: `/nodes/${nodeId}` });
  const watchdogAlive = () => watchdog.alive();
  const carried = carriers({ node, journal, facts, speaker, samples, watchdogAlive });
  const { serving, tasks } = carried;

  await endPrivateDaemons(runFolder);
  const adopted = await adoptAll({ node, journal, serving, log });
  void sweepOrphans(runFolder, (pid) => log('orphan killed', { pid }));
  const probeDaemon = new ProbeDaemon({ node, dataAddress: config.HOLDFAST_AGENT_DATA_ADDRESS, log });
  void probeDaemon.run();
  const prober = new Prober();
  prober.start();

  const endings = endHalfDone({ ...carried, node, journal }, log);
  const orders = obeys({ ...carried, prober, node, journal, facts, speaker });
  const ears = new Ears({ kafka, journal, facts, speaker, obeys: orders, log });
  let deaf = false;
  const voice = new Voice({ kafka, samples, journal, facts, speaker, log });
  const heartbeat = new Heartbeat({
    speaker,
    mediumFolder: node.mediumFolder,
    journal,
    facts,
    serving,
    prober,
    probeDaemon,
    watchdogAlive,
    blocked: () => deaf || ears.blocked,
    send: (data) => samples.send({ type: 'HeartbeatObserved', data }, { key: clusterId }),
  });

  voice.start();
  heartbeat.start();
  const listening = listen({ clusterId, journal, facts, ears, node, adopted }).catch((error: unknown) => {
    // Told with each beat: a node that beats and hears no order would be given systems that nobody then serves.
    deaf = true;
    lines.fatal({ err: error }, 'the agent cannot listen: mend the cause, then restart it');
  });
  return {
    stop: async () => {
      heartbeat.stop();
      endings.stop();
      prober.stop();
      probeDaemon.leave();
      voice.stop();
      await Promise.race([listening.then(() => ears.stop()), new Promise((done) => setTimeout(done, 1_000))]);
      await tasks.leave();
      await serving.leave();
      await journal.close();
      watchdog.close();
    },
  };
}

function nodeEngine(config: AgentConfig, runFolder: string): NodeEngine {
  const addresses = config.HOLDFAST_AGENT_SERVING_ADDRESS_MAP;
  return {
    nodeId: config.HOLDFAST_AGENT_NODE_ID,
    mediumFolder: join(config.HOLDFAST_AGENT_MEDIUM, config.HOLDFAST_AGENT_CLUSTER_ID),
    runFolder,
    engine: { binary: config.HOLDFAST_STORAGE_DAEMON, flush: config.HOLDFAST_AGENT_FLUSH },
    addressOf: ({ systemId, spec }) => addresses.get(systemId) ?? spec.address,
    foldAbove: config.HOLDFAST_AGENT_FOLD_ABOVE_LAYERS,
  };
}

interface CarriersParts {
  node: NodeEngine;
  journal: Journal;
  facts: Facts;
  speaker: Speaker;
  samples: SampleSender;
  watchdogAlive(): boolean;
}

/** What this node carries: systems with their points, and background work. */
function carriers({ node, journal, facts, speaker, samples, watchdogAlive }: CarriersParts) {
  const { clusterId, nodeId, incarnation } = speaker;
  const observed = (data: TaskSample) =>
    samples.send({ type: 'TaskProgressObserved', data: { clusterId, nodeId, ...data } }, { key: clusterId });
  const common = { node, incarnation, journal, facts, log };
  const serving = new Serving({ ...common, watchdogAlive, fill: fillFromBackup({ node, observed }) });
  return { serving, points: new Points({ serving, journal, facts }), tasks: new Tasks({ ...common, observed }) };
}

interface Listening {
  clusterId: string;
  journal: Journal;
  facts: Facts;
  ears: Ears;
  node: NodeEngine;
  adopted: { systemId: string; epoch: number }[];
}

/** With no Kafka yet this waits, and nothing else does. */
async function listen({ clusterId, journal, facts, ears, node, adopted }: Listening): Promise<void> {
  if (journal.state.offsets.size === 0) await ears.noteEnds();
  const serving = [...journal.state.serving.values()].map(({ taskId, epoch }) => ({ taskId, epoch }));
  const held = [...serving, ...[...journal.state.carrying].map(([taskId, epoch]) => ({ taskId, epoch }))];
  await facts.tell({ type: 'NodeStarted', data: { journal: journal.kind, held, adopted } });
  await facts.tell({ type: 'NodeInventoryReported', data: await inventory(node, clusterId) });
  await ears.start();
}

async function inventory({ engine, mediumFolder }: NodeEngine, mediaId: string) {
  const { stdout } = await promisify(execFile)(engine.binary, ['--version']);
  const engineVersion = /version (\S+)/.exec(stdout)?.[1] ?? 'unknown';
  const medium = await statfs(mediumFolder).catch(() => undefined); // away: it is told as dead
  const state = medium ? ('ok' as const) : ('dead' as const);
  const media = [{ mediaId, state, freeBytes: medium ? medium.bavail * medium.bsize : 0 }];
  return { driver: 'qemu-storage-daemon', engineVersion, kinds: [...taskKind.options], media };
}
