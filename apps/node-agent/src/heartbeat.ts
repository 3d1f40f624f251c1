import { access, readFile, statfs } from 'node:fs/promises';
import type { Facts, Speaker } from './facts';
import type { Journal } from './journal';
import type { ProbeDaemon } from './probe-daemon';
import type { Prober } from './prober';
import type { Serving } from './serving';

interface HeartbeatParts {
  speaker: Speaker;
  mediumFolder: string;
  journal: Journal;
  facts: Facts;
  serving: Serving;
  prober: Prober;
  probeDaemon: ProbeDaemon;
  watchdogAlive(): boolean;
  blocked(): boolean;
  send(data: object): void;
}

const EVERY_MS = 1_000;
const UNREAD_MS = 5_000;

/** Each second: what this node sees of itself and of its peers. */
export class Heartbeat {
  private seq = 0;
  private lastMs = performance.now();
  private timer?: NodeJS.Timeout;
  private readonly medium: MediumPulse;
  private readonly io = new DaemonIo();

  constructor(private readonly parts: HeartbeatParts) {
    this.medium = new MediumPulse(parts.mediumFolder);
  }

  start(): void {
    // No descriptor left to read `/proc` with: the missing beat tells it, and the agent must not end of it.
    const beat = () => void this.beat().catch(() => undefined);
    this.timer = setInterval(beat, EVERY_MS);
    beat();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async beat(): Promise<void> {
    const { speaker, serving, prober, watchdogAlive, send } = this.parts;
    const sentMonotonicMs = performance.now();
    const ownPauseMs = Math.max(0, sentMonotonicMs - this.lastMs - EVERY_MS);
    this.lastMs = sentMonotonicMs;
    const seq = this.seq++;
    this.medium.look();
    // A daemon that does not answer costs its deadline, never the beat: what it said last second is told.
    void this.pingAll();
    const { load, daemons } = await this.io.since(serving.held());
    send({
      ...speaker,
      seq,
      sentMonotonicMs,
      watchdogAlive: watchdogAlive(),
      ownPauseMs,
      engine: { state: this.engineState(), qmpMs: this.qmpMs },
      media: [{ mediaId: speaker.clusterId, ...this.medium.state() }],
      daemons,
      probes: prober.seen(),
      load,
    });
  }

  private qmpMs: number | null = null;
  private pinging = false;

  private async pingAll(): Promise<void> {
    if (this.pinging) return;
    this.pinging = true;
    // A daemon that misses its deadline is cut off and started again by whoever holds it.
    const pings = this.parts.serving.held().map(({ daemon }) => daemon.ping().catch(() => null));
    const answers = await Promise.all([this.parts.probeDaemon.ping(), ...pings]);
    this.qmpMs = answers.reduce((slowest, ms) => (ms !== null && ms > (slowest ?? 0) ? ms : slowest), null);
    this.pinging = false;
  }

  private engineState(): 'ok' | 'blocked' | 'journalFailed' | 'dead' {
    if (this.parts.serving.engineDown) return 'dead';
    if (this.parts.journal.failed) return 'journalFailed';
    return this.parts.blocked() ? 'blocked' : 'ok';
  }
}

/** One look at the medium at a time, for a mount may hang for good. */
class MediumPulse {
  private readAtMs = performance.now();
  private freeBytes = 0;
  private looking = false;

  constructor(private readonly folder: string) {}

  look(): void {
    if (this.looking) return;
    this.looking = true;
    Promise.all([access(this.folder), statfs(this.folder)])
      .then(([, { bavail, bsize }]) => {
        this.freeBytes = bavail * bsize;
        this.readAtMs = performance.now();
      })
      .catch(() => undefined) // unread: its age tells
      .finally(() => (this.looking = false));
  }

  state(): { state: 'ok' | 'dead'; freeBytes: number } {
    const unread = performance.now() - this.readAtMs >= UNREAD_MS;
    return unread ? { state: 'dead', freeBytes: 0 } : { state: 'ok', freeBytes: this.freeBytes };
  }
}

interface Counters {
  readBytes: number;
  writtenBytes: number;
  calls: number;
}

/** Rates of the serving daemons, from what the kernel counts for each process. */
class DaemonIo {
  private before = new Map<number, Counters>();
  private atMs = performance.now();
  private cpu = { busy: 0, total: 0 };

  async since(held: ReturnType<Serving['held']>) {
    const seconds = Math.max(0.001, (performance.now() - this.atMs) / 1_000);
    this.atMs = performance.now();
    const now = new Map<number, Counters>();
    let calls = 0;
    let bytes = 0;
    const daemons = [];
    for (const { order, daemon } of held) {
      const { pid } = daemon.identity;
      const counters = await countersOf(pid);
      const before = this.before.get(pid) ?? counters;
      now.set(pid, counters);
      const written = counters.writtenBytes - before.writtenBytes;
      calls += counters.calls - before.calls;
      bytes += written + counters.readBytes - before.readBytes;
      daemons.push({ systemId: order.systemId, epoch: order.epoch, writeBytesPerSec: written / seconds });
    }
    this.before = now;
    const load = { iops: calls / seconds, bytesPerSec: bytes / seconds, cpuPercent: await this.cpuPercent() };
    return { daemons, load };
  }

  private async cpuPercent(): Promise<number> {
    const fields = (await readFile('/proc/stat', 'utf8')).split('\n', 1)[0]!.trim().split(/\s+/).slice(1).map(Number);
    const total = fields.slice(0, 8).reduce((sum, ticks) => sum + ticks, 0);
    const busy = total - fields[3]! - fields[4]!;
    const { busy: busyBefore, total: totalBefore } = this.cpu;
    this.cpu = { busy, total };
    return total > totalBefore ? ((busy - busyBefore) / (total - totalBefore)) * 100 : 0;
  }
}

async function countersOf(pid: number): Promise<Counters> {
  const text = await readFile(`/proc/${pid}/io`, 'utf8').catch(() => ''); // it died just now
  const value = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  return { readBytes: value('rchar'), writtenBytes: value('wchar'), calls: value('syscr') + value('syscw') };
}
