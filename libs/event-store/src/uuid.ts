import { createHash, randomBytes } from 'node:crypto';

/** Rises with time, so that new ids land beside each other in the index. */
export function uuidV7(at: number = Date.now()): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(at, 0, 6);
  return format(bytes, 7);
}

const NAMESPACE = Buffer.from('a1f6d3b2c0574e8e9d417c6b5e2f3081', 'hex');

/** The same name always gives the same id: how a caller's own key becomes an event's id. */
export function uuidV5(name: string): string {
  return format(createHash('sha1').update(NAMESPACE).update(name).digest().subarray(0, 16), 5);
}

function format(bytes: Buffer, version: number): string {
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | (version << 4), 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
}
