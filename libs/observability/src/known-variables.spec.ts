import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isKnown } from './known-variables';

const top = join(__dirname, '../../..');

function sources(folder: string): string[] {
  return readdirSync(join(top, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.([cm]?[jt]s|ya?ml)$|Dockerfile$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/node_modules|\/dist\/|\.spec\.ts$/.test(path));
}

it('every HOLDFAST_ variable that the sources name is known', () => {
  const files = ['apps', 'libs', 'infra', 'test'].flatMap(sources);
  const unknown = files.flatMap((path) => {
    const names = readFileSync(path, 'utf8').match(/\bHOLDFAST_[A-Z][A-Z_]*[A-Z]\b/g) ?? [];
    return names.filter((name) => !isKnown(name)).map((name) => `${name} in ${path.slice(top.length + 1)}`);
  });
  expect(files.length).toBeGreaterThan(20);
  expect(unknown).toEqual([]);
});
