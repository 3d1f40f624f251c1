// Writes every generated file. With --check it writes nothing, and fails if one differs from what its generator says.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { files as golden } from './golden.mjs';
import { files as dashboards } from './grafana/dashboards.mjs';

const top = join(import.meta.dirname, '..');
const generators = [dashboards, golden];
const checkOnly = process.argv.includes('--check');

let differing = 0;
for (const generate of generators) {
  for (const [path, content] of generate()) {
    const file = join(top, path);
    if (existsSync(file) && readFileSync(file, 'utf8') === content) continue;
    differing++;
    if (checkOnly) {
      console.error(`${path} is not what its generator says: npm run generate`);
      continue;
    }
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    console.log(`wrote ${path}`);
  }
}
process.exit(checkOnly && differing > 0 ? 1 : 0);
