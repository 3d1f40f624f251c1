import type { Views } from './views';

/** As each part said of itself last; one that is silent is shown as it was, with its silence. */
export function servicesOf({ from: { samples } }: Views) {
  const now = Date.now();
  return samples.services().map(({ data, appendedAt }) => ({
    ...data,
    heardAt: appendedAt,
    silentMs: Math.max(0, now - Date.parse(appendedAt)),
  }));
}
