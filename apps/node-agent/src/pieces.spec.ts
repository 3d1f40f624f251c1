import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readManifest } from './backup-folder';
import { checkPiece, readPiece } from './pieces';

describe('what lies in the place of a piece, or of its manifest', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hf-pieces-'));
  const expected = { bytes: 4096, sha256PerMiB: ['0'.repeat(64)] };
  const asked = () => Promise.resolve();
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is waited for by nobody, be it a pipe, and read by nobody without end, be it a device', async () => {
    const [pipe, device] = [join(folder, 'v1.0.piece'), join(folder, 'v1.1.piece')];
    execFileSync('mkfifo', [pipe]);
    symlinkSync('/dev/zero', device);
    expect(await checkPiece(pipe, expected, asked)).toBe('wrongLength');
    expect(await checkPiece(device, expected, asked)).toBe('wrongLength');
    symlinkSync('/dev/zero', join(folder, 'manifest.json'));
    expect((await readManifest(folder, '0'.repeat(64))).manifest).toBeUndefined();
    for (const path of [pipe, device]) await expect(readPiece(path, expected).next()).rejects.toThrow();
  });
});
