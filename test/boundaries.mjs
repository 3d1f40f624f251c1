// Plants one violation of each rule that the architecture rests on, where it would do harm, and wants each one caught:
// a rule that silently stopped working reads like clean code.
import { ESLint } from 'eslint';
import { readdirSync } from 'node:fs';

const kernel = 'libs/kernel/src/errors.ts';
const gateway = 'apps/gateway/src/main.ts';
const agent = 'apps/node-agent/src/main.ts';
const cli = 'apps/cli/src/main.ts';
const decider =
  readdirSync('apps', { recursive: true })
    .filter((path) => /^[^/]+\/src\/domain\/.*\.decider\.ts$/.test(path))
    .map((path) => `apps/${path}`)[0] ?? kernel;

const boundaries = '@nx/enforce-module-boundaries';
const imports = '@typescript-eslint/no-restricted-imports';
const planted = [
  ['an app imports an app', gateway, "import '../../load-balancer/src/main';", boundaries],
  ['a low lib imports a higher one', kernel, "import '@holdfast/event-store';", boundaries],
  ['the CLI reads the store', cli, "import '@holdfast/event-store';", boundaries],
  ['a lib is entered through its back door', gateway, "import '../../../libs/kernel/src/errors';", boundaries],
  ['an agent loads Nest', agent, "import '@nestjs/common';", imports],
  ["an agent loads the services' messaging", agent, "import '@holdfast/messaging';", imports],
  ['a decider does I/O', decider, "import 'node:fs';", imports],
  ['a decider knows Nest', decider, "import '@nestjs/common';", imports],
  ['a decider knows its own service', decider, "import '../main';", imports],
  ['a decider reads the clock', decider, 'export const at = Date.now();', 'no-restricted-properties'],
  ['a decider asks for now', decider, 'export const now = new Date();', 'no-restricted-syntax'],
  ['a decider draws chance', decider, 'export const id = Math.random();', 'no-restricted-properties'],
  ['a decider makes an id', decider, 'export const id = crypto.randomUUID();', 'no-restricted-globals'],
  ['a decider sets a timer', decider, 'setTimeout(() => undefined, 1);', 'no-restricted-globals'],
  ['a decider reads a setting', decider, 'export const port = process.env;', 'no-restricted-globals'],
  ['a decider waits', decider, 'export const wait = async () => undefined;', 'no-restricted-syntax'],
  ['a decider loads code', decider, "export const lazy = import('zod');", 'no-restricted-syntax'],
  ['a bare Error is thrown', gateway, "throw new Error('no code');", 'no-restricted-syntax'],
  ['a failure is swallowed', gateway, 'try { process.cwd(); } catch {}', 'no-empty'],
  ['a promise is forgotten', gateway, 'Promise.resolve(1);', '@typescript-eslint/no-floating-promises'],
  ['any is used', gateway, 'export const x: any = 1;', '@typescript-eslint/no-explicit-any'],
  ['four parameters', gateway, 'export const f = (a: 1, b: 1, c: 1, d: 1) => [a, b, c, d];', 'no-restricted-syntax'],
];

const eslint = new ESLint();
let missed = 0;
// All that is planted in one file is read at once, each in a line of its own: the types behind it are loaded once.
for (const filePath of new Set(planted.map(([, path]) => path))) {
  const lines = planted.filter(([, path]) => path === filePath);
  const [{ messages }] = await eslint.lintText(`${lines.map(([, , code]) => code).join('\n')}\n`, { filePath });
  for (const [index, [what, , , rule]] of lines.entries()) {
    const found = messages.filter(({ line }) => line === index + 1);
    if (found.some(({ ruleId }) => ruleId === rule)) continue;
    missed++;
    const instead = JSON.stringify(found.map(({ ruleId, message }) => ruleId ?? message));
    console.error(`not caught: ${what} (${rule}) in ${filePath}: ${instead}`);
  }
}
console.log(`boundaries: ${planted.length - missed} of ${planted.length} planted violations caught`);
process.exit(missed === 0 ? 0 : 1);
