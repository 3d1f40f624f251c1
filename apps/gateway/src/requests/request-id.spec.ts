import { canonical, requestIdOf } from './request-id';

it('gives the same caller and key the same request, and two callers two', () => {
  expect(requestIdOf('token-1', 'key')).toBe(requestIdOf('token-1', 'key'));
  expect(requestIdOf('token-2', 'key')).not.toBe(requestIdOf('token-1', 'key'));
  expect(requestIdOf('token-1', undefined)).not.toBe(requestIdOf('token-1', undefined));
});

it('tells bodies apart by what they say, not by the order in which they say it', () => {
  expect(canonical({ b: [1, { y: 2, x: 1 }], a: null })).toBe(canonical({ a: null, b: [1, { x: 1, y: 2 }] }));
  expect(canonical({ a: [1, 2] })).not.toBe(canonical({ a: [2, 1] }));
});
