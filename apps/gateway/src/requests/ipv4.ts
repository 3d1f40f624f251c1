/** An IPv4 range as its first and last address, in numbers. */
interface Range {
  readonly first: number;
  readonly last: number;
}

export function addressOf(text: string): number {
  return text.split('.').reduce((number, part) => number * 256 + Number(part), 0);
}

export function rangeOf(cidr: string): Range {
  const [address = '', prefix = '32'] = cidr.split('/');
  const size = 2 ** (32 - Number(prefix));
  const first = Math.floor(addressOf(address) / size) * size;
  return { first, last: first + size - 1 };
}

export function inRange(address: string, cidr: string): boolean {
  const { first, last } = rangeOf(cidr);
  return first <= addressOf(address) && addressOf(address) <= last;
}

export function rangesOverlap(a: Range, b: Range): boolean {
  return a.first <= b.last && b.first <= a.last;
}
