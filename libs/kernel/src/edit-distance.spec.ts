import { editDistance } from './edit-distance';

it.each([
  ['alpha', 'alpha', 0],
  ['alpa', 'alpha', 1],
  ['alphaa', 'alpha', 1],
  ['alpho', 'alpha', 1],
  ['kitten', 'sitting', 3],
  ['', 'alpha', 5],
])('from %s to %s it is %d', (from, to, distance) => {
  expect(editDistance(from, to)).toBe(distance);
  expect(editDistance(to, from)).toBe(distance);
});
