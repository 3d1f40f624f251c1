import { requestIdOf } from './request-id';

it('gives the same caller and key the same request, and two callers two', () => {
  expect(requestIdOf('token-1', 'key')).toBe(requestIdOf('token-1', 'key'));
  expect(requestIdOf('token-2', 'key')).not.toBe(requestIdOf('token-1', 'key'));
  expect(requestIdOf('token-1', undefined)).not.toBe(requestIdOf('token-1', undefined));
});
