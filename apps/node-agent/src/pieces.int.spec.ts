import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MIB } from './manifest';
import { checkPiece, writePiece } from './pieces';

const newFolder = () => mkdtempSync('/var/tmp/hf-pieces-');

/** What the kernel fetched from storage for this process and for those that it waited for. */
const readBytes = () => Number(/^read_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))![1]);

/** Not where files are memory, and not on every file system. */
function countsReads(): boolean {
  const folder = newFolder();
  const path = join(folder, 'probe');
  writeFileSync(path, Buffer.alloc(MIB, 1));
  execFileSync('dd', [`of=${path}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none']);
  const before = readBytes();
  readFileSync(path);
  rmSync(folder, { recursive: true });
  return readBytes() - before >= MIB;
}

describe('a check of a piece', () => {
  let folder: string;
  beforeAll(() => (folder = newFolder()));
  afterAll(() => rmSync(folder, { recursive: true }));

  const [test, where] = countsReads() ? [it, ''] : [it.skip, ' (nobody counts what is read here)'];
  test(`reads what lies on the medium, though this node has it in memory${where}`, async () => {
    const path = join(folder, 'v1.0.piece');
    const expected = await writePiece(path, 4 * MIB, data());
    for (let times = 0; times < 2; times++) {
      const before = readBytes();
      expect(await checkPiece(path, expected, () => Promise.resolve())).toBe('whole');
      expect(readBytes() - before).toBeGreaterThanOrEqual(4 * MIB);
    }
  });
});

async function* data() {
  for (let i = 0; i < 4; i++) yield { at: i * MIB, mib: Buffer.alloc(MIB, i + 1) };
}
