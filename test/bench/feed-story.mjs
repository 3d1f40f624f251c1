// A feed as a fleet of some size would have told it: written straight into the gateway's table, for no broker is measured.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { uuidV5 } = require('@holdfast/event-store');
const { contractOf, allTopics, taskOfRequest, pointOfRequest } = require('@holdfast/contracts');

export const FLEET = { clusters: 4, nodes: 200, systems: 2_000, openTasks: 400 };
/** Clusters, nodes and systems, before daily life begins. */
export const FOUNDED = FLEET.clusters + 3 * FLEET.nodes + 5 * FLEET.systems;
const CHUNK = 10_000;
const START_MS = Date.parse('2026-01-01T00:00:00Z');
const MIB = 1_048_576;

/** The same numbers in every run. */
function dice(seed) {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

const topicOf = new Map(allTopics.flatMap(({ name, events }) => events.map(({ type }) => [type, name])));

/** Writes `count` events; what is there to be asked for. */
export async function writeFeed(client, count) {
  const story = new Story();
  let rows = [];
  const flush = async () => {
    await insert(client, rows);
    rows = [];
  };
  for (const event of story.tell(count)) {
    rows.push(event);
    if (rows.length === CHUNK) {
      await flush();
      process.stderr.write(`\r  ${event.position.toLocaleString('en')} events`);
    }
  }
  await flush();
  process.stderr.write('\n');
  await client.query('analyze feed');
  return story;
}

async function insert(client, rows) {
  const column = (name) => rows.map((row) => row[name]);
  await client.query(
    `insert into feed (position, known_at, topic, stream, version, id, at, type, schema_version, data, meta)
     select position, at, topic, stream, version, id, at, type, schema_version, data, meta from
     unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::bigint[], $6::uuid[], $7::text[], $8::int[],
            $9::json[], $10::json[]) as told(position, at, topic, stream, version, id, type, schema_version, data, meta)`,
    ['position', 'at', 'topic', 'stream', 'version', 'id', 'type', 'schemaVersion', 'data', 'meta'].map(column),
  );
}

class Story {
  clusters = Array.from({ length: FLEET.clusters }, (_, n) => `c${n}`);
  nodes = Array.from({ length: FLEET.nodes }, (_, n) => ({
    nodeId: `n${n}`,
    clusterId: this.clusters[n % 4],
    late: false,
  }));
  systems = Array.from({ length: FLEET.systems }, (_, n) => ({
    systemId: `s${n}`,
    clusterId: this.clusters[n % 4],
    epoch: 0,
  }));
  tasks = [];
  everyTask = [];
  position = 0;
  heads = new Map();
  roll = dice(4711);

  *tell(count) {
    for (const event of this.founding()) yield event;
    while (this.position < count) {
      for (const event of this.next()) {
        if (this.position > count) return;
        yield event;
      }
    }
  }

  *founding() {
    const asked = { requestId: uuidV5('founding'), actor: { tokenId: uuidV5('token'), role: 'admin' }, dryRun: false };
    for (const [n, clusterId] of this.clusters.entries())
      yield this.event(`membership-${clusterId}`, 'ClusterRegistered', {
        ...asked,
        ...{ clusterId, name: clusterId, addressRanges: [`127.${n + 1}.1.0/24`] },
      });
    for (const { nodeId, clusterId } of this.nodes) {
      const joined = { zone: 'z1', dataAddress: '127.1.0.1', engineVersion: '7.2', capacity: { bytesPerSec: 1e9 } };
      yield this.event(`membership-${clusterId}`, 'NodeJoined', { ...asked, clusterId, nodeId, ...joined });
      yield this.table(clusterId, 'NodeOpened', { nodeId, zone: 'z1', budget: 3e8 });
      yield this.recovered({ clusterId, nodeId });
    }
    for (const system of this.systems) {
      const { systemId, clusterId } = system;
      const volumes = [{ volumeId: 'v1', sizeBytes: 64 * MIB }];
      const registered = { systemId, clusterId, address: '127.1.1.1', volumes, requestId: uuidV5(systemId) };
      yield this.event(`system-${systemId}`, 'SystemRegistered', { ...registered, at: this.at() });
      const spec = { systemId, address: '127.1.1.1', volumes };
      yield this.table(clusterId, 'TaskAdmitted', { ...serveOf(system), spec, cost: 1 });
      yield* this.serve(system);
    }
  }

  /** One step of daily life. */
  next() {
    const kind = this.roll(100);
    if (kind < 45) return this.checkpoint();
    if (kind < 65) return this.flap(this.any(this.nodes));
    if (kind < 80) return this.serve(this.any(this.systems));
    return this.work();
  }

  *serve(system) {
    const { systemId, clusterId } = system;
    const before = system.nodeId;
    system.epoch += 1;
    system.nodeId = this.any(this.nodes.filter((node) => node.clusterId === clusterId)).nodeId;
    const { nodeId, epoch } = system;
    const cause = before ? 'operator' : 'admitted';
    const spec = { systemId, address: '127.1.1.1', volumes: [{ volumeId: 'v1', sizeBytes: 64 * MIB }] };
    const order = { ...serveOf(system), nodeId, nodeIncarnation: null, epoch, spec, placement: null, cause };
    yield this.event(`system-${systemId}`, 'SystemServeGranted', {
      systemId,
      clusterId,
      nodeId,
      epoch,
      cause,
      at: this.at(),
    });
    if (before) yield this.table(clusterId, 'TaskMoved', { ...order, fromNodeId: before });
    else yield this.table(clusterId, 'TaskAssigned', order);
    yield this.table(clusterId, 'TaskStartConfirmed', {
      ...serveOf(system),
      nodeId,
      epoch,
      tookMs: 300,
      created: !before,
    });
  }

  *flap(node) {
    const { nodeId, clusterId } = node;
    const at = this.at();
    const suspected = {
      observerId: 'o',
      lastSeq: 1,
      lastHeartbeatAt: at,
      deadlineAt: at,
      watermark: { partition: 0, offset: '1', at },
    };
    if (node.late) yield this.health(clusterId, 'NodeSuspicionWithdrawn', { nodeId, reason: 'heartbeat' });
    else yield this.health(clusterId, 'NodeSuspected', { nodeId, ...suspected });
    node.late = !node.late;
  }

  *checkpoint() {
    if (this.tasks.length === 0) return;
    const first = this.any(this.tasks);
    first.doneBytes = Math.min(64 * MIB, first.doneBytes + MIB);
    const { taskId, nodeId, doneBytes } = first;
    const items = [{ taskId, nodeId, epoch: 1, token: null, doneBytes, totalBytes: 64 * MIB }];
    yield this.table(first.clusterId, 'TasksCheckpointed', { items });
  }

  *work() {
    if (this.tasks.length >= FLEET.openTasks) return yield* this.finish(this.tasks.shift());
    const { systemId, clusterId } = this.any(this.systems);
    const requestId = uuidV5(`task ${this.everyTask.length}`);
    const taskId = taskOfRequest(requestId);
    const spec = { systemId, pointId: pointOfRequest(requestId), bytesPerSec: 8 * MIB };
    const { nodeId } = this.any(this.nodes.filter((node) => node.clusterId === clusterId));
    const task = { taskId, clusterId, systemId, nodeId, pointId: spec.pointId, requestId, doneBytes: 0 };
    const actor = { tokenId: uuidV5('token'), role: 'operator' };
    yield this.event(
      `request-${requestId}`,
      'TaskRequested',
      { requestId, actor, dryRun: false, clusterId, taskId, kind: 'snapshot', ...spec },
      requestId,
    );
    yield this.table(clusterId, 'TaskAdmitted', { ...snapshotOf(task), spec, cost: 8 * MIB, requestId }, requestId);
    yield this.table(
      clusterId,
      'TaskAssigned',
      { ...snapshotOf(task), nodeId, nodeIncarnation: null, epoch: 1, spec, placement: null, cause: 'admitted' },
      requestId,
    );
    yield this.table(
      clusterId,
      'TaskStartConfirmed',
      { ...snapshotOf(task), nodeId, epoch: 1, tookMs: 5, created: false },
      requestId,
    );
    this.tasks.push(task);
    this.everyTask.push(taskId);
  }

  *finish(task) {
    const { nodeId, systemId, pointId, requestId } = task;
    const result = {
      manifest: 'a'.repeat(64),
      volumes: [{ volumeId: 'v1', sizeBytes: 64 * MIB }],
      pieces: 4,
      bytes: 64 * MIB,
    };
    const done = { nodeId, epoch: 1, result, doneBytes: 64 * MIB, durationMs: 8_000, systemId, pointId };
    yield this.table(task.clusterId, 'TaskCompleted', { ...snapshotOf(task), ...done }, requestId);
  }

  recovered({ clusterId, nodeId }) {
    const told = {
      fromStatus: 'joining',
      incarnation: uuidV5(nodeId),
      holdMs: 0,
      declaredWrongly: false,
      ownPauseMs: 0,
    };
    return this.health(clusterId, 'NodeRecovered', { nodeId, ...told });
  }

  health = (clusterId, type, data) =>
    this.event(`cluster-health-${clusterId}`, type, { clusterId, ...data, at: this.at() });
  table = (clusterId, type, data, correlationId) =>
    this.event(`routing-table-${clusterId}`, type, { clusterId, ...data, at: this.at() }, correlationId);

  event(stream, type, data, correlationId = uuidV5(`${stream} ${this.position}`)) {
    const version = (this.heads.get(stream) ?? 0) + 1;
    this.heads.set(stream, version);
    this.position += 1;
    const id = uuidV5(`event ${this.position}`);
    const meta = { correlationId, causationId: correlationId, source: '/bench' };
    const { version: schemaVersion } = contractOf(type);
    const told = { topic: topicOf.get(type), stream, version, id, at: this.at(), type, schemaVersion };
    return { position: this.position, ...told, data: JSON.stringify(data), meta: JSON.stringify(meta) };
  }

  /** Ten events a second. */
  at = () => new Date(START_MS + this.position * 100).toISOString();
  any = (list) => list[this.roll(list.length)];
}

const serveOf = ({ systemId }) => ({ taskId: `serve-${systemId}`, kind: 'serve', subject: `system/${systemId}` });
const snapshotOf = ({ taskId, systemId }) => ({ taskId, kind: 'snapshot', subject: `system/${systemId}` });
