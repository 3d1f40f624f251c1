import { editDistance } from '@holdfast/kernel';

/** The known id that was most likely meant; none, if nothing is near. */
export function nearest(wanted: string, known: Iterable<string>): string | undefined {
  let best: { id: string; distance: number } | undefined;
  for (const id of known) {
    const distance = editDistance(wanted, id);
    if (distance <= Math.max(2, wanted.length / 3) && distance < (best?.distance ?? Infinity)) best = { id, distance };
  }
  return best?.id;
}
