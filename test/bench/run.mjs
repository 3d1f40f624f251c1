// npm run bench -- [as-of] [event-log] [freezes] [placement] [serve] [options]: those named, or all. Each prints a table for
// the README, and its words on the way to standard error. Ends with 1 where a target is missed or a block is lost.
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const BENCHMARKS = ['as-of', 'event-log', 'freezes', 'placement', 'serve'];
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    // event-log, placement: how often each side has its turn.
    rounds: { type: 'string', default: '7' },
    // event-log: how long a turn, 2; freezes: how long it goes on, 300.
    seconds: { type: 'string' },
    // event-log: how many events the relay finds unsent; as-of: how many the feed holds.
    events: { type: 'string' },
    // placement: how large the cluster is.
    nodes: { type: 'string', default: '1000' },
    tasks: { type: 'string', default: '20000' },
    // serve: how often a node is killed.
    trials: { type: 'string', default: '30' },
  },
});
// A benchmark starts and stops servers under our clients: what they warn of is no news.
process.env.HOLDFAST_LOG_LEVEL ??= 'error';
const options = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number(value)]));
const names = positionals.length > 0 ? positionals : BENCHMARKS;

let well = true;
for (const name of names) {
  if (!BENCHMARKS.includes(name)) {
    console.error(`no benchmark ${name}; there are: ${BENCHMARKS.join(', ')}`);
    process.exit(2);
  }
  console.log(`\n### ${name}\n`);
  const { run } = await import(join(import.meta.dirname, `${name}.mjs`));
  well = (await run(options)) && well;
}
process.exit(well ? 0 : 1);
