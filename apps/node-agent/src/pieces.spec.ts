import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statfsSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readManifest } from './backup-folder';
import { MIB } from './manifest';
import { checkPiece, checkWritten, readPiece, writePiece } from './pieces';

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

describe('a check of a piece', () => {
  const folder = mkdtempSync('/var/tmp/hf-pieces-');
  afterAll(() => rmSync(folder, { recursive: true }));
  const TMPFS = 0x01021994;
  const path = join(folder, 'v1.0.piece');
  async function* data() {
    for (let i = 0; i < 4; i++) yield { at: i * MIB, mib: Buffer.alloc(MIB, i + 1) };
  }
  /** What the kernel fetched from storage for this process. */
  const fetched = async (work: Promise<string>) => {
    const before = readBytes();
    expect(await work).toBe('whole');
    return readBytes() - before;
  };
  const readBytes = () => Number(/^read_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))![1]);

  // Where files are memory there is no medium to be read.
  (statfsSync(folder).type === TMPFS ? it.skip : it)(
    'reads what lies on the medium, though this node has it in memory',
    async () => {
      const expected = await writePiece(path, 4 * MIB, data());
      const turn = () => Promise.resolve();
      expect(await fetched(checkWritten(path, expected))).toBeLessThan(MIB);
      for (let times = 0; times < 2; times++)
        expect(await fetched(checkPiece(path, expected, turn))).toBeGreaterThanOrEqual(4 * MIB);
    },
  );
});
