import {
  ClusterRegistered,
  NodeDeclaredDown,
  NodeJoined,
  NodeOpened,
  NodeRecovered,
  NodeSuspected,
  SystemRegistered,
  TaskAdmitted,
  TaskAssigned,
  TaskMoved,
  TaskStartConfirmed,
  TaskTaken,
} from '@holdfast/contracts';
import { asked, AT, INCARNATION, REQUEST, told } from './told';

/** The events of a small fleet: cluster alpha with nodes n1, n2 …, and the system s1. */
const inAlpha = { clusterId: 'alpha' };
const volumes = [{ volumeId: 'v1', sizeBytes: 67_108_864 }];
const ofServe = { ...inAlpha, taskId: 'serve-s1', kind: 'serve' as const, subject: 'system/s1', at: AT };
const spec = { systemId: 's1', address: '127.9.1.1', volumes };

export const registered = told(ClusterRegistered, {
  ...asked,
  ...inAlpha,
  name: 'Alpha',
  addressRanges: ['127.9.1.0/24'],
});

export const joined = (nodeId: string) =>
  told(NodeJoined, {
    ...asked,
    ...inAlpha,
    nodeId,
    zone: 'z1',
    dataAddress: '127.9.0.1',
    engineVersion: '7.2',
    capacity: { bytesPerSec: 1e8 },
  });

export const recovered = (nodeId: string) =>
  told(NodeRecovered, {
    ...inAlpha,
    nodeId,
    at: AT,
    fromStatus: 'joining',
    incarnation: INCARNATION,
    holdMs: 0,
    declaredWrongly: false,
    ownPauseMs: 0,
  });

export const opened = (nodeId: string) => told(NodeOpened, { ...inAlpha, nodeId, at: AT, zone: 'z1', budget: 1 });

export const suspected = (nodeId: string) =>
  told(NodeSuspected, {
    ...inAlpha,
    nodeId,
    at: '2026-03-01T10:42:06.200000Z',
    observerId: 'o1',
    lastSeq: 84_113,
    lastHeartbeatAt: '2026-03-01T10:42:01.020000Z',
    deadlineAt: '2026-03-01T10:42:06.020000Z',
    watermark: { partition: 2, offset: '991204', at: AT },
  });

export const down = (nodeId: string) =>
  told(NodeDeclaredDown, {
    ...inAlpha,
    nodeId,
    at: AT,
    reason: 'heartbeatTimeout',
    lastHeartbeatAt: '2026-03-01T10:42:01.020000Z',
    silentMs: 5_250,
    incarnation: INCARNATION,
    evidence: {
      rule: 'twoPeersFail',
      peers: [
        { nodeId: 'n1', outcome: 'timeout', ageMs: 900 },
        { nodeId: 'n5', outcome: 'refused', ageMs: 300 },
      ],
      lateNodes: 1,
      limit: 1,
    },
  });

export const systemRegistered = told(SystemRegistered, {
  ...inAlpha,
  systemId: 's1',
  address: '127.9.1.1',
  volumes,
  requestId: REQUEST,
  at: AT,
});
export const admitted = told(TaskAdmitted, { ...ofServe, spec, cost: 1 });

export const assigned = (nodeId: string, epoch: number, create = false) =>
  told(TaskAssigned, {
    ...ofServe,
    nodeId,
    nodeIncarnation: null,
    epoch,
    spec: { ...spec, ...(create && { create }) },
    placement: null,
    cause: 'admitted',
  });

export const moved = (fromNodeId: string, nodeId: string, epoch: number) =>
  told(TaskMoved, {
    ...ofServe,
    fromNodeId,
    nodeId,
    nodeIncarnation: null,
    epoch,
    spec,
    cause: 'nodeDown',
    placement: {
      candidates: [
        { nodeId: 'n4', rank: 1, score: 1, load: 0.93, bound: 0.93 },
        { nodeId, rank: 2, score: 0.5, load: 0.41, bound: 0.93 },
      ],
      excluded: [{ nodeId: fromNodeId, filter: 'down' }],
    },
  });

export const taken = (nodeId: string, epoch: number) =>
  told(TaskTaken, {
    ...inAlpha,
    nodeId,
    incarnation: INCARNATION,
    at: AT,
    taskId: 'serve-s1',
    epoch,
    tookMs: 300,
    exports: [{ volumeId: 'v1', uri: 'nbd://127.9.1.1:10809/v1' }],
  });

export const confirmed = (nodeId: string, epoch: number) =>
  told(TaskStartConfirmed, {
    ...ofServe,
    at: '2026-03-01T10:42:06.900000Z',
    nodeId,
    epoch,
    tookMs: 300,
    created: epoch === 1,
  });
