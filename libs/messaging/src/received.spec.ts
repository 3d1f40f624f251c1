import { NodeUnwatched } from '@holdfast/contracts';
import { judgeEvent } from './received';
import type { IncomingEvent } from './wire';

afterEach(() => jest.restoreAllMocks());

describe('an event of an older version', () => {
  it('is invalid when no upcaster can read it: what is thrown there would be thrown for ever', () => {
    jest.replaceProperty(NodeUnwatched, 'version', 2);
    const upcast = { 1: (v1: { cluster: { id: string } }) => ({ clusterId: v1.cluster.id }) };
    jest.replaceProperty(NodeUnwatched, 'upcast', upcast);
    const event = { type: NodeUnwatched.type, schemaVersion: 1, data: {} } as IncomingEvent;
    expect(judgeEvent(event)).toMatchObject({ ok: false, code: 'EVENT_INVALID' });
  });
});
