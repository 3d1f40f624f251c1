import {
  NodeDeclaredDown,
  NodeDownRejected,
  NodeDownRequested,
  requests,
  RequestLeftUnanswered,
  SystemRejected,
  SystemRequested,
} from '@holdfast/contracts';
import { confirmed, down, joined, systemRegistered } from '../testing/fleet';
import { asked, AT, OTHER_REQUEST, REQUEST, rowsOf, story, told } from '../testing/told';
import { isAsked } from './operation';
import { operationsProjection } from './operations.projection';
import { codeOf, refusals } from './refusals';

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
const wishedDown = { ...asked, clusterId: 'alpha', nodeId: 'n3', poweredOff: true, reason: 'off' };

/** Every order in which these can be heard. */
function orders<T>(events: readonly T[]): T[][] {
  if (events.length < 2) return [[...events]];
  return events.flatMap((event) => orders(events.filter((other) => other !== event)).map((rest) => [event, ...rest]));
}

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

  describe('when somebody else has asked for the same before', () => {
    const at = (second: number) => ({ at: `2026-03-01T10:43:0${second}.000000Z` });
    const registered = { ...systemRegistered, ...at(3) };
    const started = (second: number, correlationId: string) => ({
      ...confirmed('n1', 1),
      ...at(second),
      correlationId,
    });

    it('ends by the confirmation that was repeated for it, in whichever order the streams arrive', () => {
      const ended = { state: 'succeeded', subject: 'system/s1', endedAt: at(5).at };
      const whole = after(wished, registered, started(5, REQUEST));
      expect(whole).toMatchObject(ended);
      for (const events of orders([wished, registered, started(5, REQUEST)])) expect(after(...events)).toEqual(whole);
    });

    it('ends with the other by the one confirmation after both, even if heard before its own acceptance', () => {
      const whole = after(wished, registered, started(5, OTHER_REQUEST));
      expect(whole).toMatchObject({ state: 'succeeded', endedAt: at(5).at });
      expect(after(wished, started(5, OTHER_REQUEST), registered)).toEqual(whole);
    });

    it('is not ended by what had happened before it was accepted', () => {
      expect(after(wished, started(2, OTHER_REQUEST))).toMatchObject({ state: 'queued', endedAt: null });
      expect(after(wished, started(2, OTHER_REQUEST), registered)).toMatchObject({ state: 'running', endedAt: null });
    });

    it('fails with the other when the system cannot be created', () => {
      const failed = told(SystemRejected, { ...(rejected.data as object), requestId: REQUEST } as never, {
        correlationId: OTHER_REQUEST,
      });
      expect(after(wished, registered, failed)).toMatchObject({ state: 'failed', reason: { code: 'NO_SPACE' } });
    });
  });

  it('makes no operation of an end that no request led to, and takes the request for another that did', () => {
    const verdict = { ...down('n3'), correlationId: OTHER_REQUEST };
    const start = { ...confirmed('n1', 2), correlationId: OTHER_REQUEST };
    for (const events of orders([verdict, start])) {
      const rows = [...rowsOf(operationsProjection, story(...events)).values()];
      expect(rows.filter(isAsked)).toEqual([]);
    }
    const wish = told(NodeDownRequested, { ...wishedDown, requestId: OTHER_REQUEST });
    const answer = told(NodeDeclaredDown, { ...(verdict.data as object), requestId: OTHER_REQUEST } as never);
    for (const events of orders([wish, answer, start])) {
      const row = rowsOf(operationsProjection, story(...events)).get(OTHER_REQUEST);
      expect(row).toMatchObject({ kind: 'NodeDownRequested', subject: 'node/n3', state: 'succeeded' });
    }
  });

  it('makes no operation of a verdict that nobody asked for', () => {
    expect([...rowsOf(operationsProjection, story(down('n3'))).values()].filter(isAsked)).toEqual([]);
  });

  it('succeeds at once when one event both accepts and ends', () => {
    const wish = told(NodeDownRequested, wishedDown);
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
        expect(Object.keys(refusals[type] ?? {}).sort()).toEqual(reason.options.map(codeOf).sort());
      }
    }
  });
});
