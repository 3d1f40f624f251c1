import type { SeenSpan } from '@holdfast/testing';
import { existsSync, readFileSync } from 'node:fs';

/** All spans that the fleet's collector has seen, and the ways back from effect to cause. */
export class Spans {
  private readonly byId: ReadonlyMap<string, SeenSpan>;

  constructor(readonly all: readonly SeenSpan[]) {
    this.byId = new Map(all.map((span) => [idOf(span), span]));
  }

  /** The last line may be half written. */
  static read(file: string): Spans {
    if (!existsSync(file)) return new Spans([]);
    const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
    return new Spans(lines.map((line) => JSON.parse(line) as SeenSpan));
  }

  find(name: string, attributes: Readonly<Record<string, unknown>>): SeenSpan | undefined {
    return this.all.find((span) => span.name === name && has(span, attributes));
  }

  with(attributes: Readonly<Record<string, unknown>>): SeenSpan[] {
    return this.all.filter((span) => has(span, attributes));
  }

  /** From a span back to its origin, both included: parents within a trace, links between traces. Empty: no such way. */
  wayBack(from: SeenSpan, isOrigin: (span: SeenSpan) => boolean): SeenSpan[] {
    const ways: SeenSpan[][] = [[from]];
    const seen = new Set([from]);
    for (let way = ways.shift(); way !== undefined; way = ways.shift()) {
      const last = way.at(-1)!;
      if (isOrigin(last)) return way;
      for (const before of this.causesOf(last)) {
        if (seen.has(before)) continue;
        seen.add(before);
        ways.push([...way, before]);
      }
    }
    return [];
  }

  private causesOf({ traceId, parentSpanId, links }: SeenSpan): SeenSpan[] {
    const parent = parentSpanId === undefined ? [] : [{ traceId, spanId: parentSpanId }];
    return [...parent, ...links].flatMap((one) => this.byId.get(idOf(one)) ?? []);
  }
}

/** `service: name`, as a reader of the trace would tell it. */
export function told(span: SeenSpan): string {
  return `${span.service}: ${span.name}`;
}

function idOf({ traceId, spanId }: { traceId: string; spanId: string }): string {
  return `${traceId}/${spanId}`;
}

function has({ attributes }: SeenSpan, wanted: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(wanted).every(([name, value]) => attributes[name] === value);
}
