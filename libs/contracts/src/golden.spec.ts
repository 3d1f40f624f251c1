import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventContract } from './define';
import { jsonSchemaOf } from './json-schema';
import { allContracts, contractOf } from './topics';
import { upcast } from './upcast';

/** What an event looked like in one version, and what a producer was told about it. Files are added, never changed. */
interface Golden {
  type: string;
  version: number;
  data: object;
  schema: object;
}

const folder = join(__dirname, 'golden');
const golden: [string, Golden][] = readdirSync(folder).map((file) => [
  file,
  JSON.parse(readFileSync(join(folder, file), 'utf8')) as Golden,
]);

/** Every version from 1 on; a sample is forgotten after hours, so only its newest counts. */
const wanted = allContracts.flatMap(({ kind, type, version }) =>
  kind === 'sample'
    ? [`${type}.${version}.json`]
    : Array.from({ length: version }, (_, older) => `${type}.${older + 1}.json`),
);

describe('golden files', () => {
  it('are there for every version of every contract (npm run generate writes a new one)', () => {
    expect(golden.map(([file]) => file)).toEqual(expect.arrayContaining(wanted));
  });

  it.each(golden)('%s is still understood', (_, { type, version, data }) => {
    const contract = contractOf(type);
    expect(contract).toBeDefined();
    const newest = contract?.kind === 'event' ? upcast(contract, version, data) : data;
    expect(contract?.schema.parse(newest)).toEqual(newest);
  });

  it.each(golden.filter(([, { type, version }]) => contractOf(type)?.version === version))(
    '%s has the schema of its contract: a changed one is a new version',
    (_, { type, schema }) => {
      expect(jsonSchemaOf(contractOf(type)!)).toEqual(schema);
    },
  );

  it.each(golden.filter(([, { type }]) => contractOf(type)?.kind === 'event'))(
    '%s names what it belongs to as kind/id',
    (_, { type, version, data }) => {
      const contract = contractOf(type) as EventContract;
      const subjects = contract.subjects(upcast(contract, version, data));
      expect(subjects.length).toBeGreaterThan(0);
      for (const subject of subjects) expect(subject).toMatch(/^[a-z-]+\/[^/]+(\/[^/]+)?$/);
    },
  );
});

describe('upcast', () => {
  const contract = {
    type: 'Renamed',
    version: 3,
    upcast: { 1: (v1: object) => ({ ...v1, two: true }), 2: (v2: object) => ({ ...v2, three: true }) },
  } as unknown as EventContract;

  it('goes step by step from any version to the newest', () => {
    expect(upcast(contract, 1, { one: true })).toEqual({ one: true, two: true, three: true });
    expect(upcast(contract, 2, { one: true })).toEqual({ one: true, three: true });
    expect(upcast(contract, 3, { one: true })).toEqual({ one: true });
  });

  it('fails where a step is missing', () => {
    expect(() => upcast({ ...contract, upcast: {} }, 2, {})).toThrow('version 2');
  });
});
