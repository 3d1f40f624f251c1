const PRIME_1 = 0x9e3779b185ebca87n;
const PRIME_2 = 0xc2b2ae3d27d4eb4fn;
const PRIME_3 = 0x165667b19e3779f9n;
const PRIME_4 = 0x85ebca77c2b2ae63n;
const PRIME_5 = 0x27d4eb2f165667c5n;

const u64 = (value: bigint) => BigInt.asUintN(64, value);
const rotateLeft = (value: bigint, bits: bigint) => u64((value << bits) | (value >> (64n - bits)));
const round = (lane: bigint, input: bigint) => u64(rotateLeft(u64(lane + input * PRIME_2), 31n) * PRIME_1);
const merge = (hash: bigint, lane: bigint) => u64((hash ^ round(0n, lane)) * PRIME_1 + PRIME_4);

/** xxHash64 with seed 0 of the text's UTF-8 bytes, as in its specification: equal on every machine and in every build. */
export function xxhash64(text: string): bigint {
  const bytes = Buffer.from(text, 'utf8');
  let at = 0;
  let hash = PRIME_5;

  if (bytes.length >= 32) {
    const lanes = [u64(PRIME_1 + PRIME_2), PRIME_2, 0n, u64(-PRIME_1)] as [bigint, bigint, bigint, bigint];
    for (; at + 32 <= bytes.length; at += 32) {
      lanes.forEach((lane, n) => (lanes[n] = round(lane, bytes.readBigUInt64LE(at + 8 * n))));
    }
    const [a, b, c, d] = lanes;
    hash = u64(rotateLeft(a, 1n) + rotateLeft(b, 7n) + rotateLeft(c, 12n) + rotateLeft(d, 18n));
    hash = lanes.reduce(merge, hash);
  }

  hash = u64(hash + BigInt(bytes.length));
  for (; at + 8 <= bytes.length; at += 8) {
    hash = u64(rotateLeft(hash ^ round(0n, bytes.readBigUInt64LE(at)), 27n) * PRIME_1 + PRIME_4);
  }
  if (at + 4 <= bytes.length) {
    hash = u64(rotateLeft(hash ^ u64(BigInt(bytes.readUInt32LE(at)) * PRIME_1), 23n) * PRIME_2 + PRIME_3);
    at += 4;
  }
  for (; at < bytes.length; at++) {
    hash = u64(rotateLeft(hash ^ u64(BigInt(bytes.readUInt8(at)) * PRIME_5), 11n) * PRIME_1);
  }

  hash = u64((hash ^ (hash >> 33n)) * PRIME_2);
  hash = u64((hash ^ (hash >> 29n)) * PRIME_3);
  return hash ^ (hash >> 32n);
}
