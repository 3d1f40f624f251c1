import {
  NodeDownRejected,
  NodeDownRequested,
  requests,
  RequestLeftUnanswered,
  SystemRejected,
  SystemRequested,
} from '@holdfast/contracts';
import { confirmed, down, joined, systemRegistered } from '../testing/fleet';
import { asked, AT, OTHER_REQUEST, REQUEST, rowsOf, story, told } from '../testing/told';
import { operationsProjection } from './operations.projection';
import { refusals } from './refusals';

const after = (...events: Parameters<typeof story>) => rowsOf(operationsProjection, story(...events)).get(REQUEST);
const volumes = [{ volumeId: 'v1', sizeBytes: 1024 }];
const wished = told(SystemRequested, { ...asked, systemId: 's1', clusterId: 'alpha', volumes });
const rejected = told(SystemRejected, {
  systemId: 's1',
  clusterId: 'alpha',
  reason: 'NO_SPACE',
  requestId: REQUEST,
  at: AT,
});

describe('the operations projection', () => {
  it('queues a request, runs it on its first answer, and ends it by its subject', () => {
    expect(after(wished)).toMatchObject({
      kind: 'SystemRequested',
      subject: 'system/s1',
      state: 'queued',
      endedAt: null,
    });
    expect(after(wished, systemRegistered)).toMatchObject({ state: 'running', endedAt: null });
    expect(after(wished, systemRegistered, confirmed('n1', 1))).toMatchObject({ state: 'succeeded', endedAt: AT });
  });

  it('is refused before it was begun, and failed after, with the remedy', () => {
    expect(after(wished, rejected)).toMatchObject({
      state: 'refused',
      reason: { code: 'NO_SPACE', remedy: expect.stringContaining('smaller volumes') },
    });
    expect(after(wished, systemRegistered, rejected)).toMatchObject({ state: 'failed', reason: { code: 'NO_SPACE' } });
  });

  it('lets nothing change an operation that has ended', () => {
    const ended = after(wished, rejected);
    expect(after(wished, rejected, systemRegistered, confirmed('n1', 1))).toEqual(ended);
  });

  it('gives the same row when the answer is heard before the request', () => {
    expect(after(systemRegistered, wished, confirmed('n1', 1))).toEqual(
      after(wished, systemRegistered, confirmed('n1', 1)),
    );
  });

  it('ends nothing by an event of the same subject that is only queued', () => {
    expect(after(wished, confirmed('n1', 1))).toMatchObject({ state: 'queued' });
  });

  it('makes no operation of a verdict that nobody asked for', () => {
    expect(rowsOf(operationsProjection, story(down('n3'))).size).toBe(0);
  });

  it('succeeds at once when one event both accepts and ends', () => {
    const wish = told(NodeDownRequested, {
      ...asked,
      clusterId: 'alpha',
      nodeId: 'n3',
      poweredOff: true,
      reason: 'off',
    });
    const verdict = down('n3');
    const byRequest = { ...verdict, data: { ...(verdict.data as object), requestId: REQUEST } };
    expect(after(wish, byRequest)).toMatchObject({ state: 'succeeded' });
    const beats = { clusterId: 'alpha', nodeId: 'n3', at: AT, requestId: REQUEST, reachedBy: [] };
    expect(after(wish, told(NodeDownRejected, { ...beats, reason: 'NODE_BEATS' }))).toMatchObject({
      state: 'refused',
      reason: { code: 'NODE_BEATS' },
    });
  });

  it('keeps operator facts as succeeded', () => {
    expect(after(joined('n3'))).toMatchObject({ kind: 'NodeJoined', subject: 'node/n3', state: 'succeeded' });
  });

  it('says who has not answered, until an answer comes', () => {
    const silent = told(RequestLeftUnanswered, { requestId: REQUEST, owner: 'load-balancer', waitedMs: 30_000 });
    expect(after(wished, silent)).toMatchObject({ state: 'queued', reason: { code: 'UNANSWERED' } });
    expect(after(wished, silent, systemRegistered)).toMatchObject({ state: 'running', reason: null });
    expect(
      after(
        told(SystemRequested, { ...asked, requestId: OTHER_REQUEST, systemId: 's2', clusterId: 'alpha', volumes }),
        silent,
      ),
    ).toBeUndefined();
  });

  it('has words and a remedy for every reason that an owner may refuse with', () => {
    for (const { refuses } of requests) {
      for (const { type, schema } of refuses) {
        const { reason } = (schema as unknown as { shape: { reason: { options: string[] } } }).shape;
        expect(Object.keys(refusals[type] ?? {}).sort()).toEqual([...reason.options].sort());
      }
    }
  });
});
