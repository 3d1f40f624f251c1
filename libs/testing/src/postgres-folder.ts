import { createHash } from 'node:crypto';
import { chown, mkdir, readlink, rm, rmdir, stat, symlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isRoot, NOBODY } from './postgres-binaries';

/** Made for root too, who hands it to `nobody`: where a folder above is closed, `dir` is a link to one in /var/tmp. */
export async function dataFolder(dir: string): Promise<string> {
  if (!isRoot) {
    await mkdir(dir, { recursive: true });
    return dir;
  }
  await mkdir(dirname(dir), { recursive: true });
  const linked = await readlink(dir).catch(() => undefined);
  if (linked !== undefined && (await exists(linked))) return linked;
  if (await openAbove(dir)) {
    await mkdir(dir, { recursive: true });
    await chown(dir, NOBODY, NOBODY);
    return dir;
  }
  const elsewhere = `/var/tmp/holdfast-postgres-data-${createHash('sha256').update(dir).digest('hex').slice(0, 12)}`;
  // Without the link it is what a folder left behind that has been removed since.
  await rm(elsewhere, { recursive: true, force: true });
  await mkdir(elsewhere, { mode: 0o700 });
  await chown(elsewhere, NOBODY, NOBODY);
  // Removed only when empty: what somebody keeps there is not ours.
  if (await exists(dir)) await rmdir(dir);
  await symlink(elsewhere, dir);
  return elsewhere;
}

async function openAbove(dir: string): Promise<boolean> {
  const parent = dirname(dir);
  if (((await stat(parent)).mode & 0o001) === 0) return false;
  return parent === '/' || openAbove(parent);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
