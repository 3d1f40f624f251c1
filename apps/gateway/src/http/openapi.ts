import { OpenAPIRegistry, OpenApiGeneratorV31 } from '@asteasolutions/zod-to-openapi';
import { allContracts } from '@holdfast/contracts';
import { z } from 'zod';
import { actQuery, type Route } from '../routes/route';
import * as shape from '../routes/shapes';

const PROBLEM = {
  description: 'A problem (RFC 9457), always with code and remedy',
  content: { 'application/problem+json': { schema: shape.problem } },
};
const json = (schema: z.ZodType) => ({ content: { 'application/json': { schema } } });

/** OpenAPI 3.1 of these routes: the same entries that answer. */
export function openApiOf(routes: readonly Route[]) {
  const registry = new OpenAPIRegistry();
  registry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' });
  for (const route of routes) {
    const hasParams = Object.keys(route.params.shape).length > 0;
    registry.registerPath({
      method: route.method,
      path: route.path.replace(/:(\w+)/g, '{$1}'),
      summary: route.summary,
      description: route.method === 'post' ? `Role ${route.role}. Appends ${route.event.type}.` : `Role ${route.role}.`,
      tags: [route.path.split('/')[2] ?? ''],
      security: [{ bearer: [] }],
      request: {
        ...(hasParams && { params: route.params }),
        query: route.method === 'get' ? route.query : actQuery,
        ...(route.method === 'post' && { body: json(route.body), headers: actHeaders }),
      },
      responses: { ...answersOf(route), default: PROBLEM },
    });
  }
  const info = { title: 'Holdfast', version: '1', description: 'The control plane of a fleet of storage clusters' };
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({ openapi: '3.1.0', info });
}

const actHeaders = z.object({
  'idempotency-key': z.string().max(255).optional(),
  prefer: z.string().optional(),
});

function answersOf(route: Route) {
  if ('stream' in route)
    return {
      200: { description: 'Events as they are known', content: { 'text/event-stream': { schema: z.string() } } },
    };
  if (route.method === 'get') return { 200: { description: 'As of a position of the feed', ...json(route.answer) } };
  return {
    202: { description: 'Accepted; `Location` names the operation', ...json(shape.accepted) },
    200: { description: 'Ended within `Prefer: wait`', ...json(shape.accepted) },
  };
}

/** The JSON Schema of an event or a sample at its version, as any producer may read it. */
export function schemaOf(type: string, version: number): object | undefined {
  const contract = allContracts.find((candidate) => candidate.type === type && candidate.version === version);
  if (!contract) return undefined;
  const schema = z.toJSONSchema(contract.schema, { io: 'input', unrepresentable: 'any' });
  return { $id: `urn:holdfast:schema:${type}:${version}`, title: type, ...schema };
}
