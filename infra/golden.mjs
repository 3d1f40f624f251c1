// A golden file for each version of each contract that has none yet. Those that exist are history, and stay as they are.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const top = join(import.meta.dirname, '..');
const folder = 'libs/contracts/src/golden';

/** Values that read as the fleet of the documentation, by the name of their field. */
const NAMED = {
  clusterId: 'alpha',
  nodeId: 'alpha-1',
  fromNodeId: 'alpha-1',
  toNodeId: 'alpha-2',
  systemId: 's1',
  volumeId: 'v1',
  pointId: 'p-3c4d5e6f7a8b',
  taskId: 'serve-s1',
  subject: 'system/s1',
  scope: 'alpha',
  mediaId: 'medium-1',
  zone: 'a',
  service: 'load-balancer',
  consumer: 'main',
  stream: 'cluster-health-alpha',
  topic: 'holdfast.health',
  offset: '4711',
  reason: 'a drill',
};

const FORMS = {
  uuid: '0190a6c5-7b1e-7c3a-9f00-5d2a1b3c4d5e',
  'date-time': '2026-05-01T10:00:00.000Z',
  ipv4: '127.20.0.11',
  cidrv4: '127.20.1.0/24',
};

function exampleOf(schema, name) {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const [either] = schema.anyOf ?? schema.oneOf ?? [];
  if (either) return exampleOf(either, name);
  // A nullable plain type comes as a list: ['string', 'null'].
  const [type] = [schema.type].flat();
  if (type === 'object') return objectOf(schema);
  if (type === 'array') return [exampleOf(schema.items, name)];
  if (type === 'boolean') return true;
  if (type === 'number' || type === 'integer') return 1;
  if (type === 'string') return stringOf(schema, name);
  return {};
}

function objectOf({ properties, additionalProperties }) {
  if (properties === undefined) return { 'alpha-1': exampleOf(additionalProperties ?? {}, '') };
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, exampleOf(schema, name)]));
}

function stringOf({ format, pattern }, name) {
  if (format in FORMS) return FORMS[format];
  if (pattern === '^[0-9a-f]{64}$') return '0123456789abcdef'.repeat(4);
  const value = NAMED[name] ?? NAMED[name.replace(/s$/, '')] ?? name;
  // Lists of ids bear the name of the id: nodeIds, lateNodeIds.
  return pattern && !new RegExp(pattern).test(value) ? 'alpha-1' : value;
}

export function files() {
  const { allContracts, jsonSchemaOf } = createRequire(import.meta.url)('../libs/contracts/dist/index.js');
  return allContracts
    .map((contract) => ({ contract, path: `${folder}/${contract.type}.${contract.version}.json` }))
    .filter(({ path }) => !existsSync(join(top, path)))
    .map(({ contract: { type, version, schema }, path }) => {
      const json = jsonSchemaOf({ type, version, schema });
      return [path, `${JSON.stringify({ type, version, data: exampleOf(json, type), schema: json }, null, 2)}\n`];
    });
}
