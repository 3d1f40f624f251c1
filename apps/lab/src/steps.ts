import { readFile } from 'node:fs/promises';
import { StepFailed } from './errors';

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`.padStart(7);

/** Says each step of the start with its time, while it happens. */
export class Steps {
  private readonly began = performance.now();

  async step<T>(name: string, work: () => Promise<T>): Promise<T> {
    const from = performance.now();
    const value = await work();
    process.stdout.write(`  ${seconds(performance.now() - from)}  ${name}\n`);
    return value;
  }

  elapsedMs(): number {
    return performance.now() - this.began;
  }
}

/** The failing check and the end of its log, for the eyes of whoever started. */
export async function explainFailure(error: unknown): Promise<string> {
  if (!(error instanceof StepFailed))
    return `✖ ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  const { remedy, logFile, cause } = error;
  const lines = [`✖ ${error.message}`];
  if (cause instanceof Error) lines.push(`  ${cause.message}`);
  if (remedy) lines.push(`  ${remedy}`);
  if (logFile) lines.push(`  ${logFile} ends with:`, ...(await lastLines(logFile)).map((line) => `    ${line}`));
  return lines.join('\n');
}

async function lastLines(file: string, count = 20): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '(no log)');
  return text.trimEnd().split('\n').slice(-count);
}

/** Asks again until it is so, or says what was not. */
export async function until(check: string, holds: () => Promise<boolean>, options: WaitOptions): Promise<void> {
  const deadline = performance.now() + options.withinMs;
  for (;;) {
    if (await holds()) return;
    if (options.givenUp?.()) throw new StepFailed(`${check}: its process ended`, options);
    if (performance.now() > deadline)
      throw new StepFailed(`${check}: ${options.found?.() ?? ''} after ${options.withinMs / 1_000} s`, options);
    await new Promise((resolve) => setTimeout(resolve, options.everyMs ?? 100));
  }
}

export interface WaitOptions {
  withinMs: number;
  everyMs?: number;
  /** True when waiting longer makes no sense. */
  givenUp?: () => boolean;
  /** What was found last, in a few words. */
  found?: () => string;
  remedy?: string;
  logFile?: string;
}
