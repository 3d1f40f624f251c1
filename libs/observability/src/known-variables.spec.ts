import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isKnown, knownVariables } from './known-variables';

const top = join(__dirname, '../../..');

function sources(folder: string): string[] {
  return readdirSync(join(top, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.([cm]?[jt]s|ya?ml)$|Dockerfile$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/node_modules|\/dist\/|\.spec\.ts$/.test(path));
}

const files = ['apps', 'libs', 'infra', 'test'].flatMap(sources);

it('every known variable is named where somebody reads it', () => {
  const elsewhere = files.filter((path) => !path.endsWith('/known-variables.ts'));
  const text = elsewhere.map((path) => readFileSync(path, 'utf8')).join('\n');
  expect(Object.keys(knownVariables).filter((name) => !text.includes(name))).toEqual([]);
});

it('every HOLDFAST_ variable that the sources name is known', () => {
  const unknown = files.flatMap((path) => {
    const names = readFileSync(path, 'utf8').match(/\bHOLDFAST_[A-Z][A-Z_]*[A-Z]\b/g) ?? [];
    return names.filter((name) => !isKnown(name)).map((name) => `${name} in ${path.slice(top.length + 1)}`);
  });
  expect(files.length).toBeGreaterThan(20);
  expect(unknown).toEqual([]);
});
