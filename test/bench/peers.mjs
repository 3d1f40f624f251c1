// Other people's programs, never part of the product: installed at their first use, none of their scripts run.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, 'peers');

/** A `require` that finds them. */
export function installedPeers() {
  if (!isUpToDate()) {
    const options = { cwd: FOLDER, stdio: 'inherit' };
    const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], options);
    if (status !== 0) throw new RangeError(`npm ci failed in ${FOLDER}`);
  }
  return createRequire(join(FOLDER, 'package.json'));
}

export const peerVersion = (name) =>
  `${name} ${createRequire(import.meta.url)('./peers/package.json').dependencies[name]}`;

function isUpToDate() {
  const [wanted, installed] = ['package-lock.json', 'node_modules/.package-lock.json'].map((file) =>
    join(FOLDER, file),
  );
  return existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs;
}
