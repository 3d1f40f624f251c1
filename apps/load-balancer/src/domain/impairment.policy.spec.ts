import { troubleOf } from './impairment.policy';

it.each([
  ['engine', 'CloseNode'],
  ['media', 'CloseNode'],
  ['agent', 'CordonNode'],
  ['watchdog', 'CordonNode'],
] as const)('of a node without a working %s makes %s', (part, type) => {
  expect(troubleOf({ part })).toEqual({ type, cause: 'impaired' });
});
