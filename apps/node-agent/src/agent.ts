import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isServeSpec, systemOfServeTask } from '@holdfast/contracts';
import { KafkaLink, SampleSender } from '@holdfast/messaging/agent';
import { currentTraceparent, inSpan, logger, storyAttributes } from '@holdfast/observability';
import { adoptAll } from './adoption';
import type { AgentConfig } from './config';
import { Ears, type Obeys } from './ears';
import { Facts, type Cause, type Speaker } from './facts';
import { Heartbeat } from './heartbeat';
import { Journal } from './journal';
import { sweepOrphans } from './orphans';
import { ProbeDaemon } from './probe-daemon';
import { Prober } from './prober';
import { Serving } from './serving';
import type { NodeEngine } from './take-up';
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
  const watchdogAlive = () => watchdog.alive();
  const serving = new Serving({ node, incarnation: speaker.incarnation, journal, facts, watchdogAlive, log });

  const adopted = await adoptAll({ node, journal, serving, log });
  void sweepOrphans(runFolder, (pid) => log('orphan killed', { pid }));
  const probeDaemon = new ProbeDaemon({ node, dataAddress: config.HOLDFAST_AGENT_DATA_ADDRESS, log });
  void probeDaemon.run();
  const prober = new Prober();
  prober.start();

  const kafka = new KafkaLink({
    brokers: config.HOLDFAST_KAFKA_BROKERS.split(','),
    clientId: `agent-${nodeId}-${speaker.incarnation}`,
  });
  const samples = new SampleSender({ kafka, source: `/nodes/${nodeId}` });
  const ears = new Ears({ kafka, journal, facts, speaker, obeys: obeys(serving, prober, speaker), log });
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
      prober.stop();
      probeDaemon.leave();
      voice.stop();
      await Promise.race([listening.then(() => ears.stop()), new Promise((done) => setTimeout(done, 1_000))]);
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
  };
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
  const held = [...journal.state.serving.values()].map(({ taskId, epoch }) => ({ taskId, epoch }));
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
  return { driver: 'qemu-storage-daemon', engineVersion, kinds: ['serve'], media };
}

/** Orders for this node. A task that was moved to another is not stopped by the message: the claim on the medium does it. */
function obeys(serving: Serving, prober: Prober, { clusterId, nodeId }: Speaker): Obeys {
  const serve: Obeys['TaskAssigned'] & Obeys['TaskMoved'] = (data, cause) => {
    if (data.nodeId !== nodeId) return;
    const { taskId, epoch, spec, nodeIncarnation } = data;
    if (!isServeSpec(spec)) return;
    const order = { taskId, systemId: spec.systemId, epoch, spec, nodeIncarnation };
    carryOut({ name: 'serve', clusterId, taskId, epoch, cause }, (told) => serving.order(order, told));
  };
  return {
    TaskAssigned: serve,
    TaskMoved: serve,
    TaskRecalled: (data, cause) => {
      if (data.nodeId !== nodeId) return;
      const { taskId, epoch } = data;
      const systemId = systemOfServeTask(taskId);
      if (!systemId) return;
      const stop = { name: 'stop', clusterId, taskId, epoch, cause };
      carryOut(stop, (told) => serving.recall({ taskId, systemId, epoch }, told));
    },
    SystemRemovalOrdered: (data, cause) => {
      if (data.nodeId !== nodeId) return;
      const { taskId, systemId, epoch } = data;
      const remove = { name: 'remove', clusterId, taskId, epoch, cause };
      carryOut(remove, (told) => serving.remove({ taskId, systemId, epoch }, told));
    },
    ProbePlanIssued: ({ edges }) =>
      prober.plan(
        edges
          .filter(({ fromNodeId }) => fromNodeId === nodeId)
          .map(({ toNodeId, dataAddress }) => ({ nodeId: toNodeId, dataAddress })),
      ),
  };
}

interface Effect {
  name: string;
  clusterId: string;
  taskId: string;
  epoch: number;
  cause: Cause;
}

/** In a trace of its own, linked to the order's. Nobody waits for it: the next order is heard meanwhile. */
function carryOut({ name, clusterId, taskId, epoch, cause }: Effect, work: (cause: Cause) => Promise<void>): void {
  const subjects = [`cluster/${clusterId}`, `task/${taskId}`];
  const story = storyAttributes({ ...cause, subjects });
  const attributes = { ...story, 'holdfast.epoch': epoch, 'holdfast.outcome': 'done' };
  const done = inSpan(`effect ${name}`, { root: true, links: [cause.traceparent], attributes }, () => {
    const traceparent = currentTraceparent();
    return work({ ...cause, ...(traceparent && { traceparent }) });
  });
  done.catch((error: unknown) => lines.error({ err: error, taskId, epoch }, `effect ${name} failed`));
}
