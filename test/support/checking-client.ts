import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { NbdClient } from '@holdfast/nbd';
import { type ClientLine, parseNbdUri, type Tally } from '../../apps/lab/src/client-lines';
import type { SystemView } from '../../apps/lab/src/gateway-client';
import { Ledger, type LedgerLine, type WrongBlock } from '../../apps/lab/src/ledger';
import { BLOCK_BYTES, readStamp } from '../../apps/lab/src/stamp';

const PROGRAM = join(__dirname, '../../apps/lab/dist/demo-client.js');

/** The demo's client on one system, writing every 10 ms, with its ledger on disk. */
export class CheckingClient {
  private readonly folder = mkdtempSync(join(tmpdir(), 'holdfast-client-'));
  private readonly ledgerFile = join(this.folder, 'ledger.jsonl');
  private readonly child: ChildProcess;
  tally: Tally = { ok: 0, checked: 0, wrong: 0, gaps: 0, longestGapMs: 0 };
  silentMs = 0;

  constructor(private readonly system: SystemView) {
    const targets = system.exports.flatMap(({ uri }) => ['--target', uri]);
    const args = [PROGRAM, '--system', system.systemId, '--every-ms', '10', '--ledger', this.ledgerFile, ...targets];
    this.child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    createInterface({ input: this.child.stdout! }).on('line', (line) => this.heard(JSON.parse(line) as ClientLine));
  }

  /** Ends it, reads every block back on a new connection and says what differs from its ledger. */
  async finish(): Promise<{ ledger: LedgerLine[]; wrongBlocks: WrongBlock[] }> {
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGTERM');
    await gone;
    const lines = readFileSync(this.ledgerFile, 'utf8').trimEnd().split('\n');
    const ledger = lines.map((line) => JSON.parse(line) as LedgerLine);
    rmSync(this.folder, { recursive: true });
    return { ledger, wrongBlocks: await this.readBack(ledger) };
  }

  private async readBack(lines: readonly LedgerLine[]): Promise<WrongBlock[]> {
    const ledger = new Ledger();
    for (const line of lines) ledger.apply(line);
    const wrong: WrongBlock[] = [];
    for (const { uri } of this.system.exports) {
      const { exportName, ...place } = parseNbdUri(uri);
      const volume = `${this.system.systemId}/${exportName}`;
      const connection = await NbdClient.connect(place, exportName);
      for (const block of ledger.blocksOf(volume)) {
        const found = readStamp(await connection.read(block * BLOCK_BYTES, BLOCK_BYTES));
        const difference = ledger.check(volume, block, found);
        if (difference) wrong.push(difference);
      }
      connection.close();
    }
    return wrong;
  }

  private heard(line: ClientLine): void {
    if (line.type === 'tally') [this.tally, this.silentMs] = [line, line.silentMs];
    if (line.type === 'wrong') process.stderr.write(`${JSON.stringify(line)}\n`);
  }
}
