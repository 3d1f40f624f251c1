import { topics } from '@holdfast/contracts';
import { checkEvent } from './event-check';

const watched = (zone: unknown) => ({
  type: 'NodeWatched',
  data: { clusterId: 'alpha', at: '2026-01-01T00:00:00.000Z', nodeId: 'alpha-1', zone, dataAddress: '127.0.0.1' },
});
const refusalOf = (event: { type: string; data: object }): unknown => {
  try {
    return checkEvent(event, topics.health);
  } catch (error) {
    return error;
  }
};

describe('an event that is to be appended', () => {
  it('is stored as its contract reads it', () => {
    expect(checkEvent(watched('grün 🟢'), topics.health)).toMatchObject({
      schemaVersion: 1,
      dataText: expect.any(String),
    });
  });

  it.each([
    ['a field of another type', watched(1), 'zone'],
    ['U+0000', watched('a\0b'), 'zone'],
    ['half a character', watched('a\ud83d'), 'zone'],
    ['an unknown field', { ...watched('z1'), data: { ...watched('z1').data, more: 1 } }, ''],
    ['a name that no contract has', { type: 'NobodyKnows', data: {} }, ''],
  ])('is refused for %s, and where is told', (_name, event, path) => {
    expect(refusalOf(event)).toMatchObject({ code: 'EVENT_INVALID', path });
  });
});
