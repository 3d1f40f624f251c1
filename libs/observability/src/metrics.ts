import type { Counter, Gauge, Histogram, Metric } from 'prom-client';

// Required at the first metric: agents register none and do not pay for the package.
const prom = () => require('prom-client') as typeof import('prom-client');

/** From an append of a millisecond to a takeover of half a minute. */
const SECONDS_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 7.5, 10, 15, 30];

const scrapeListeners: (() => void | Promise<void>)[] = [];

/** `holdfast_<name>`. Asking again for a name gives the metric that exists. */
export function counter<L extends string>(name: string, help: string, labels: readonly L[] = []): Counter<L> {
  return registered(name, (full) => new (prom().Counter)({ name: full, help, labelNames: labels }));
}

export function gauge<L extends string>(name: string, help: string, labels: readonly L[] = []): Gauge<L> {
  return registered(name, (full) => new (prom().Gauge)({ name: full, help, labelNames: labels }));
}

/** Its unit is the second: name it `…_seconds`. */
export function histogram<L extends string>(name: string, help: string, labels: readonly L[] = []): Histogram<L> {
  const buckets = SECONDS_BUCKETS;
  return registered(name, (full) => new (prom().Histogram)({ name: full, help, labelNames: labels, buckets }));
}

/** Called before each scrape: the place to set gauges that are read, not counted. */
export function onScrape(listener: () => void | Promise<void>): void {
  scrapeListeners.push(listener);
}

/** All metrics in Prometheus' text form. A listener that fails leaves its gauges as they were. */
export async function metricsText(): Promise<string> {
  await Promise.allSettled(scrapeListeners.map(async (listener) => listener()));
  return prom().register.metrics();
}

/** Puts the service's name on every metric. */
export function labelMetrics(service: string): void {
  prom().register.setDefaultLabels({ service });
}

function registered<M extends Metric>(name: string, make: (fullName: string) => M): M {
  const full = `holdfast_${name}`;
  return (prom().register.getSingleMetric(full) as M | undefined) ?? make(full);
}
