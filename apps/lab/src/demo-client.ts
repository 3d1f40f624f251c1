/**
 * A client of one system, as a process of its own: writes stamped blocks, checks them, and says each second how it
 * went, as lines of JSON. The demo runs one per system; the fault tests run the same program.
 *
 *   node demo-client.js --system s1 --target nbd://127.30.101.1:10809/v1 --target … [--every-ms 50] [--ledger file]
 */
import { createWriteStream } from 'node:fs';
import { parseArgs } from 'node:util';
import { type ClientLine, parseNbdUri } from './client-lines';
import { VolumeClient } from './volume-client';

const TALLY_MS = 1_000;

function main(): void {
  const { values } = parseArgs({
    options: {
      system: { type: 'string' },
      target: { type: 'string', multiple: true },
      'every-ms': { type: 'string', default: '50' },
      ledger: { type: 'string' },
    },
  });
  const system = values.system ?? fail('--system is missing');
  const exports = (values.target ?? fail('--target is missing')).map(parseNbdUri);
  const ledger = values.ledger ? createWriteStream(values.ledger, { flags: 'a' }) : undefined;
  const tally = { ok: 0, checked: 0, wrong: 0, reconnects: 0, gaps: 0, longestGapMs: 0 };

  const clients = [...new Set(exports.map(({ exportName }) => exportName))].map((exportName) => {
    const volume = `${system}/${exportName}`;
    const places = exports.filter((other) => other.exportName === exportName);
    return new VolumeClient({ volume, exportName, places }, Number(values['every-ms']), {
      acknowledged: () => void (tally.ok += 1),
      checked: () => void (tally.checked += 1),
      wrong: (block) => {
        tally.wrong += 1;
        say({ type: 'wrong', system, ...block });
      },
      gap: (ms) => {
        tally.gaps += 1;
        tally.longestGapMs = Math.max(tally.longestGapMs, Math.round(ms));
        say({ type: 'gap', system, volume, ms: Math.round(ms) });
      },
      reconnected: () => void (tally.reconnects += 1),
      line: (line) => void ledger?.write(`${JSON.stringify(line)}\n`),
    });
  });
  const report = () => {
    const connected = clients.every((client) => client.connected);
    const silentMs = Math.round(Math.max(...clients.map((client) => client.silentMs)));
    say({ type: 'tally', system, ...tally, connected, silentMs });
  };
  setInterval(report, TALLY_MS);
  process.once('SIGTERM', () => clients.forEach((client) => client.stop()));
  void Promise.all(clients.map((client) => client.run())).then(() => {
    report();
    if (ledger) ledger.end(() => process.exit(0));
    else process.exit(0);
  });
}

function say(line: ClientLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function fail(problem: string): never {
  process.stderr.write(`${problem}\n`);
  process.exit(2);
}

main();
