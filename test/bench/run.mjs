// node test/bench/run.mjs [name …]: each benchmark beside this file, or those named. Ends with 1 where a target is missed.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const here = import.meta.dirname;
const all = readdirSync(here)
  .filter((file) => file.endsWith('.mjs') && file !== 'run.mjs')
  .map((file) => file.replace('.mjs', ''));
const names = process.argv.length > 2 ? process.argv.slice(2) : all;

let met = true;
for (const name of names) {
  if (!all.includes(name)) {
    console.error(`no benchmark ${name}; there are: ${all.join(', ')}`);
    process.exit(2);
  }
  console.log(`== ${name}`);
  const { run } = await import(join(here, `${name}.mjs`));
  met = (await run()) && met;
}
process.exit(met ? 0 : 1);
