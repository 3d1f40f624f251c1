/** The lowest free address of a cluster's ranges, or undefined when all are taken. */
export function lowestFreeAddress(ranges: readonly string[], taken: ReadonlySet<string>): string | undefined {
  for (const range of ranges) {
    const { first, last } = usable(range);
    for (let address = first; address <= last; address++) {
      const text = dotted(address);
      if (!taken.has(text)) return text;
    }
  }
  return undefined;
}

/** The first and the last address of a subnet name the net and everybody in it: nobody is served there. */
function usable(range: string): { first: number; last: number } {
  const [base = '', bits = '32'] = range.split('/');
  const size = 2 ** (32 - Number(bits));
  const start = Math.floor(numberOf(base) / size) * size;
  return size <= 2 ? { first: start, last: start + size - 1 } : { first: start + 1, last: start + size - 2 };
}

function numberOf(address: string): number {
  return address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}
