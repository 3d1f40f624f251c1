import './quiet';
import { parseArgs } from 'node:util';
import { RunFolder } from './run-folder';
import { explainFailure } from './steps';
import { Supervisor } from './supervisor';

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { 'no-demo': { type: 'boolean' }, keep: { type: 'boolean' } } });
  const folder = new RunFolder(process.env['HOLDFAST_RUN_DIR'] ?? '.holdfast/run');
  const supervisor = new Supervisor({ folder, demo: !values['no-demo'], keep: values.keep ?? false });

  let stopping: Promise<void> | undefined;
  const stop = (code: number) => {
    // A second Ctrl-C leaves the rest to the keeper, which is as thorough and less polite.
    if (stopping) process.exit(code);
    process.stdout.write('\nstopping\n');
    stopping = supervisor.stop().then(() => process.exit(code));
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop(0));

  try {
    await supervisor.start();
  } catch (error) {
    if (stopping) return;
    process.stderr.write(`\n${await explainFailure(error)}\n`);
    await supervisor.stop({ failed: true });
    process.exit(1);
  }
}

void main();
