import { crc32 } from 'node:zlib';

export const BLOCK_BYTES = 4_096;
const STAMP_BYTES = 64;
const NAME_BYTES = 40;
const MAGIC = 0x48464253; // HFBS

/** What one block says about itself: where it belongs, and which write it is. */
export interface Stamp {
  /** `s1/v1`: a block of another volume is wrong, however whole it is. */
  readonly volume: string;
  readonly block: number;
  /** 1 for the first write of this client; 0 reads a block never written. */
  readonly sequence: number;
}

/** A block full of its own stamp, so that a torn or foreign one cannot look whole. */
export function stampBlock({ volume, block, sequence }: Stamp): Buffer {
  const stamp = Buffer.alloc(STAMP_BYTES);
  stamp.writeUInt32LE(MAGIC, 0);
  stamp.writeUInt32LE(block, 4);
  stamp.writeBigUInt64LE(BigInt(sequence), 8);
  stamp.write(volume, 16, NAME_BYTES, 'utf8');
  stamp.writeUInt32LE(crc32(stamp.subarray(0, STAMP_BYTES - 4)), STAMP_BYTES - 4);
  return Buffer.alloc(BLOCK_BYTES, stamp);
}

/** The stamp that this block holds; `blank` for all zeroes; `damaged` for anything else. */
export function readStamp(bytes: Buffer): Stamp | 'blank' | 'damaged' {
  const stamp = bytes.subarray(0, STAMP_BYTES);
  if (bytes.every((byte) => byte === 0)) return 'blank';
  const whole = bytes.length === BLOCK_BYTES && bytes.equals(Buffer.alloc(BLOCK_BYTES, stamp));
  if (!whole || stamp.readUInt32LE(0) !== MAGIC) return 'damaged';
  if (crc32(stamp.subarray(0, STAMP_BYTES - 4)) !== stamp.readUInt32LE(STAMP_BYTES - 4)) return 'damaged';
  const name = stamp.subarray(16, 16 + NAME_BYTES);
  return {
    volume: name.subarray(0, name.indexOf(0)).toString('utf8'),
    block: stamp.readUInt32LE(4),
    sequence: Number(stamp.readBigUInt64LE(8)),
  };
}
