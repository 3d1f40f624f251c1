// The demo's client in this process: it writes every 10 ms, and reads back what it wrote.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { NbdClient } = require('@holdfast/nbd');
const { parseNbdUri } = require('../../apps/lab/dist/client-lines.js');
const { BLOCK_BYTES, readStamp } = require('../../apps/lab/dist/stamp.js');
const { VolumeClient } = require('../../apps/lab/dist/volume-client.js');

const EVERY_MS = 10;
/** No stall of this machine lasts so long, and no detection is so short. */
const SILENCE_MS = 1_500;

export class CheckingClient {
  tally = { written: 0, checked: 0, wrong: 0 };

  constructor(systemId, uri) {
    const { exportName, ...place } = parseNbdUri(uri);
    this.place = place;
    this.target = { volume: `${systemId}/${exportName}`, exportName, places: [place] };
    this.client = new VolumeClient(this.target, EVERY_MS, {
      acknowledged: () => (this.tally.written += 1),
      checked: () => (this.tally.checked += 1),
      wrong: (block) => this.wrong(block),
      gap: (ms) => ms > SILENCE_MS && this.heardAgain?.(Date.now()),
      reconnected: () => {},
      line: () => {},
    });
    this.running = this.client.run();
  }

  /** When the first write is acknowledged that follows a long silence. */
  nextAfterSilence() {
    return new Promise((resolve) => (this.heardAgain = resolve));
  }

  /** Ends it and reads every block back once more over a new connection. */
  async finish() {
    this.client.stop();
    await this.running;
    const { volume, exportName } = this.target;
    const connection = await NbdClient.connect(this.place, exportName);
    for (const block of this.client.ledger.blocksOf(volume)) {
      const found = readStamp(await connection.read(block * BLOCK_BYTES, BLOCK_BYTES));
      const difference = this.client.ledger.check(volume, block, found);
      if (difference) this.wrong(difference);
      else this.tally.checked += 1;
    }
    connection.close();
  }

  wrong(block) {
    this.tally.wrong += 1;
    console.error(`✖ ${JSON.stringify(block)}`);
  }
}
