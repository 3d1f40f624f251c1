// `npm test`: every part in turn, its time, what was skipped by name, and one closing line over all of them.
//   --quick   lint, types, unit and property specs
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startFleet } from './support/fleet-process.mjs';

const quick = process.argv.includes('--quick');
const scratch = mkdtempSync('/var/tmp/holdfast-test-');
const total = { passed: 0, failed: 0, skipped: [] };
const times = [];
// --forceExit below: kafkajs, stopped while its broker is away, goes on asking for it in the background for ever.
/** Faults are provoked by the hundred; what the parts log of them would hide what the specs say. */
const QUIET = { HOLDFAST_LOG_LEVEL: 'fatal' };

/** Commands that only read, each one check: passed or not. What they say is kept for whoever tells of them. */
async function read(checks) {
  const from = Date.now();
  const told = [];
  for (const [name, command, ...args] of checks) told.push({ name, ...(await overheard(command, args)) });
  return { told, tookMs: Date.now() - from };
}

function tell(title, { told, tookMs }) {
  console.log(`\n── ${title}`);
  for (const { name, code, said } of told) {
    process.stdout.write(said);
    count(name, code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 });
  }
  time(title, tookMs);
}

/** Jest says more than its exit code: what it ran, and what it left out. */
async function jest(name, args, env = {}) {
  const report = join(scratch, `${name}.json`);
  const code = await run(
    'node',
    ['node_modules/jest/bin/jest.js', ...args, '--json', `--outputFile=${report}`, '--silent=false'],
    env,
  );
  if (!existsSync(report)) return count(name, { passed: 0, failed: 1 });
  const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, testResults } = JSON.parse(
    readFileSync(report, 'utf8'),
  );
  const skipped = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === 'pending' || status === 'todo')
    .map(({ fullName }) => fullName);
  const failed = numFailedTests + numRuntimeErrorTestSuites;
  // Jest may fail without a failed test: a threshold, or nothing found to run.
  return count(name, { passed: numPassedTests, failed: failed || Number(code !== 0), skipped });
}

function run(command, args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...env } });
    child.once('error', () => resolve(1));
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

function overheard(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
    child.once('error', ({ message }) => resolve({ code: 1, said: `${message}\n` }));
    child.once('close', (code) => resolve({ code: code ?? 1, said }));
  });
}

function count(name, { passed, failed, skipped = [] }) {
  total.passed += passed;
  total.failed += failed;
  total.skipped.push(...skipped);
  if (failed > 0) console.log(`✖ ${name}: ${failed} failed`);
}

async function part(name, work) {
  console.log(`\n── ${name}`);
  const from = Date.now();
  await work();
  time(name, Date.now() - from);
}

function time(name, ms) {
  times.push(`${(ms / 1000).toFixed(0).padStart(5)} s  ${name}`);
}

/** Scenarios and fault cells share one fleet of their own, beside any other that runs on this machine. */
async function fleet() {
  const runDir = join(scratch, 'run');
  const spans = join(scratch, 'spans.ndjson');
  const { otlpSink } = await import('@holdfast/testing');
  const collector = await otlpSink({ file: spans });
  const env = {
    HOLDFAST_CONTEXT_FILE: join(scratch, 'contexts.json'),
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
  };
  const lab = await startFleet({ runDir, env });
  count('the fleet starts', lab.ready ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 });
  if (lab.ready)
    await jest('fleet', ['-c', 'jest.fleet.config.js', '--runInBand', '--forceExit'], {
      ...lab.env,
      TEST_SPANS_FILE: spans,
    });
  const left = await lab.stop();
  await collector.stop();
  for (const problem of left) console.log(`✖ ${problem}`);
  count('the fleet stops and leaves nothing', left.length === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 });
}

// Lint takes one core, the unit specs another: beside each other, but told one after the other.
const reading = read([
  ['references', 'npx', 'nx', 'sync:check'],
  ['eslint', 'npx', 'eslint', 'apps', 'libs', 'test'],
  ['boundaries', 'node', 'test/boundaries.mjs'],
  ['format', 'npx', 'prettier', '--check', '--log-level=warn', '.'],
  ['types of the tests', 'npx', 'tsc', '-p', 'test'],
  ['generated files', 'node', 'infra/generate.mjs', '--check'],
]);
await part('unit, property', () => jest('unit', []));
tell('lint, types, generated files', await reading);
if (!quick) {
  await part('integration on real parts', () =>
    jest('integration', ['-c', 'jest.int.config.js', '--runInBand', '--forceExit'], QUIET),
  );
  await part('the fleet: start, scenarios, fault cells, stop', fleet);
}
rmSync(scratch, { recursive: true, force: true });

console.log(`\n${times.join('\n')}`);
if (total.skipped.length > 0) console.log(`skipped:\n${total.skipped.map((name) => `  ${name}`).join('\n')}`);
console.log(
  `${total.passed} passed, ${total.failed} failed${total.skipped.length > 0 ? `, ${total.skipped.length} skipped` : ''}`,
);
process.exit(total.failed > 0 ? 1 : 0);
