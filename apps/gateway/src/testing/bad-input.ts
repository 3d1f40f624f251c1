import type { Answer, GatewaySuite } from './gateway-suite';

export type Refusal = [answer: Promise<Answer>, status: number, code: string, more?: object];

/** What nobody can mean about work, and how it is answered; `taskId` is that of a task that there is. */
export function badInput(suite: GatewaySuite, taskId: string): Refusal[] {
  const restore = (more: object) => suite.post('/v1/systems', { systemId: 's9', ...more });
  const maintenance = (body: object) => suite.post('/v1/nodes/n1/maintenance', body);
  return [
    [suite.post('/v1/tasks', { kind: 'snapshot', systemId: 's2' }), 404, 'NOT_FOUND', { nearest: 's1' }],
    [
      suite.post('/v1/tasks', { kind: 'scrub', systemId: 's1', pointId: 'p-2' }),
      404,
      'NOT_FOUND',
      { nearest: 's1/p-1' },
    ],
    [
      suite.post('/v1/tasks', { kind: 'scrub', systemId: 's1' }),
      400,
      'INVALID_REQUEST',
      { errors: [{ pointer: '/pointId' }] },
    ],
    [suite.post('/v1/tasks', { kind: 'snapshot', systemId: 's1', bytesPerSec: '8' }), 400, 'INVALID_REQUEST'],
    [
      suite.post('/v1/tasks?dryRun=true', { kind: 'snapshot', systemId: 's1' }),
      400,
      'INVALID_REQUEST',
      { errors: [{ pointer: '/dryRun' }] },
    ],
    [suite.post('/v1/tasks?dryrun=true', { kind: 'snapshot', systemId: 's1' }), 400, 'INVALID_REQUEST'],
    [suite.post(`/v1/tasks/${taskId}0/cancel`, {}), 404, 'NOT_FOUND', { nearest: taskId }],
    [suite.post(`/v1/tasks/${taskId}/move`, { toNodeId: 'n9' }), 404, 'NOT_FOUND', { nearest: 'n1' }],
    [suite.get(`/v1/tasks/${taskId}0`), 404, 'NOT_FOUND', { nearest: taskId }],
    [suite.get('/v1/backups/s1/p-9'), 404, 'NOT_FOUND', { nearest: 's1/p-1' }],
    [suite.post('/v1/backups/s1/p-9/delete', {}), 404, 'NOT_FOUND', { nearest: 's1/p-1' }],
    [suite.post('/v1/nodes/n9/drain', {}), 404, 'NOT_FOUND'],
    [
      suite.post('/v1/nodes/n1/drain', { deadlineMs: -1 }),
      400,
      'INVALID_REQUEST',
      { errors: [{ pointer: '/deadlineMs' }] },
    ],
    [maintenance({ action: 'start', forMs: 1_000 }), 400, 'INVALID_REQUEST', { errors: [{ pointer: '/reason' }] }],
    [
      maintenance({ action: 'start', forMs: 0.0001, reason: 'disks' }),
      400,
      'INVALID_REQUEST',
      { errors: [{ pointer: '/forMs' }] },
    ],
    [suite.post('/v1/clusters/gamma/rebalance', {}), 404, 'NOT_FOUND'],
    [suite.post('/v1/clusters/alpha/placement-plans', { change: { type: 'loss', nodeId: 'n9' } }), 404, 'NOT_FOUND'],
    [suite.post('/v1/clusters/alpha/placement-plans', { change: { type: 'fire' } }), 400, 'INVALID_REQUEST'],
    [
      restore({ clusterId: 'beta', fromBackup: { systemId: 's1', pointId: 'p-1' } }),
      409,
      'BACKUP_ELSEWHERE',
      { subject: 'backup/s1/p-1' },
    ],
    [restore({ fromBackup: { systemId: 's1', pointId: 'p-9' } }), 404, 'NOT_FOUND', { nearest: 's1/p-1' }],
    [restore({}), 400, 'INVALID_REQUEST', { errors: [{ pointer: '/volumes' }, { pointer: '/clusterId' }] }],
  ];
}
