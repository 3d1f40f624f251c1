import { allContracts, requests } from '@holdfast/contracts';
import { routes } from '../routes';
import { docsPage } from './docs';
import { openApiOf, schemaOf } from './openapi';

const document = openApiOf(routes);
const inDocument = Object.entries(document.paths ?? {}).flatMap(([path, methods]) =>
  Object.keys(methods as object).map((method) => `${method} ${path}`),
);
const inRoutes = routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);

it('has every route in OpenAPI, and nothing else', () => {
  expect(document.openapi).toBe('3.1.0');
  expect(inDocument.toSorted()).toEqual(inRoutes.toSorted());
  expect(new Set(inRoutes).size).toBe(inRoutes.length);
});

it('declares every path parameter that a path names', () => {
  for (const { path, params } of routes) {
    expect(Object.keys(params.shape)).toEqual([...path.matchAll(/:(\w+)/g)].map(([, name]) => name));
  }
});

it('has a route for every request that somebody answers', () => {
  const events = new Set(routes.flatMap((route) => ('event' in route ? [route.event.type] : [])));
  for (const { event } of requests) expect(events).toContain(event.type);
});

it('asks for more than a viewer wherever something is wished for; a question about the fleet changes nothing', () => {
  const viewers = routes.flatMap((route) => ('event' in route && route.role === 'viewer' ? [route.path] : []));
  expect(viewers).toEqual(['/v1/clusters/:clusterId/placement-plans']);
});

it('has a JSON Schema for every event and sample, and none for another version', () => {
  for (const { type, version } of allContracts) expect(schemaOf(type, version)).toMatchObject({ title: type });
  expect(schemaOf('NodeJoined', 99)).toBeUndefined();
});

it('shows every route on the page', () => {
  const page = docsPage(routes);
  for (const { path } of routes) expect(page).toContain(path);
});
