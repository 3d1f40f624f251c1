import { run } from './program';
import { realWorld } from './world';

void run(process.argv.slice(2), realWorld()).then((code) => {
  process.exitCode = code;
});
