import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { NbdClient } from '@holdfast/nbd';
import { type ClientLine, type NbdPlace, parseNbdUri, type Tally } from '../../apps/lab/src/client-lines';
import { Ledger, type LedgerLine, type WrongBlock } from '../../apps/lab/src/ledger';
import { BLOCK_BYTES, readStamp } from '../../apps/lab/src/stamp';

const PROGRAM = join(__dirname, '../../apps/lab/dist/demo-client.js');

/** The demo's client on one system, writing every 10 ms, with its ledger on disk. */
export class CheckingClient {
  private readonly folder = mkdtempSync(join(tmpdir(), 'holdfast-client-'));
  private readonly ledgerFile = join(this.folder, 'ledger.jsonl');
  private readonly child: ChildProcess;
  private readonly gone: Promise<unknown>;
  tally: Tally = { ok: 0, checked: 0, wrong: 0, reconnects: 0, gaps: 0, longestGapMs: 0 };
  silentMs = 0;

  /** `uris`: every place where it may be served, of every volume. */
  constructor(
    private readonly systemId: string,
    private readonly uris: readonly string[],
  ) {
    const targets = uris.flatMap((uri) => ['--target', uri]);
    const args = [PROGRAM, '--system', systemId, '--every-ms', '10', '--ledger', this.ledgerFile, ...targets];
    this.child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.gone = new Promise((resolve) => this.child.once('exit', resolve));
    createInterface({ input: this.child.stdout! }).on('line', (line) => this.heard(JSON.parse(line) as ClientLine));
  }

  /** Ends it, reads every block back on a new connection and says what differs from its ledger. */
  async finish(): Promise<{ ledger: LedgerLine[]; wrongBlocks: WrongBlock[] }> {
    this.child.kill('SIGTERM');
    await this.gone;
    const lines = readFileSync(this.ledgerFile, 'utf8').trimEnd().split('\n');
    const ledger = lines.map((line) => JSON.parse(line) as LedgerLine);
    rmSync(this.folder, { recursive: true });
    return { ledger, wrongBlocks: await this.readBack(ledger) };
  }

  /** For a test that ends early: left alone it would write on for ever, and keep the whole run from its end. */
  kill(): void {
    this.child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async readBack(lines: readonly LedgerLine[]): Promise<WrongBlock[]> {
    const ledger = new Ledger();
    for (const line of lines) ledger.apply(line);
    const wrong: WrongBlock[] = [];
    const places = this.uris.map(parseNbdUri);
    for (const exportName of new Set(places.map((place) => place.exportName))) {
      const volume = `${this.systemId}/${exportName}`;
      const connection = await firstToAnswer(places.filter((place) => place.exportName === exportName));
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

async function firstToAnswer(places: readonly NbdPlace[]): Promise<NbdClient> {
  return Promise.any(places.map(({ exportName, ...place }) => NbdClient.connect(place, exportName)));
}
