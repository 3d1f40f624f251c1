import { NbdError } from './errors';

/** Numbers and layouts of the NBD protocol (fixed newstyle, simple replies), as its specification names them. */
export const NBDMAGIC = 0x4e42444d41474943n;
export const IHAVEOPT = 0x49484156454f5054n;
const OPTION_REPLY_MAGIC = 0x3e889045565a9n;
const REQUEST_MAGIC = 0x25609513;
const SIMPLE_REPLY_MAGIC = 0x67446698;

export const FLAG_FIXED_NEWSTYLE = 1;
export const FLAG_NO_ZEROES = 2;
const OPT_GO = 7;
const REP_ACK = 1;
const REP_INFO = 3;
const REP_ERROR_BIT = 0x80000000;
const INFO_EXPORT = 0;

export const command = { read: 0, write: 1, disconnect: 2, flush: 3 } as const;
export const CMD_FLAG_FUA = 1;

export const GREETING_BYTES = 18;
export const OPTION_REPLY_BYTES = 20;
export const REPLY_BYTES = 16;

const errnos: Record<number, string> = {
  1: 'EPERM',
  5: 'EIO',
  12: 'ENOMEM',
  22: 'EINVAL',
  28: 'ENOSPC',
  75: 'EOVERFLOW',
  95: 'ENOTSUP',
  108: 'ESHUTDOWN',
};
export const errnoName = (errno: number): string => errnos[errno] ?? `errno ${errno}`;

const refusals: Record<number, string> = {
  1: 'option not supported',
  2: 'forbidden by policy',
  3: 'option invalid',
  4: 'not supported on this platform',
  5: 'TLS required',
  6: 'export unknown',
  7: 'server is shutting down',
};

export function checkGreeting(greeting: Buffer): void {
  const fixed = (greeting.readUInt16BE(16) & FLAG_FIXED_NEWSTYLE) !== 0;
  if (greeting.readBigUInt64BE(0) !== NBDMAGIC || greeting.readBigUInt64BE(8) !== IHAVEOPT || !fixed)
    throw new NbdError('NBD_PROTOCOL', 'the server does not offer fixed newstyle negotiation');
}

/** Our flags, then NBD_OPT_GO: name the export and go over to transmission in one step. */
export function encodeGo(exportName: string): Buffer {
  const name = Buffer.from(exportName);
  const head = Buffer.alloc(4 + 8 + 4 + 4 + 4);
  head.writeUInt32BE(FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES, 0);
  head.writeBigUInt64BE(IHAVEOPT, 4);
  head.writeUInt32BE(OPT_GO, 12);
  head.writeUInt32BE(4 + name.length + 2, 16);
  head.writeUInt32BE(name.length, 20);
  return Buffer.concat([head, name, Buffer.alloc(2)]);
}

export type OptionReply = { kind: 'ack' } | { kind: 'info' } | { kind: 'refused'; reason: string };

export function decodeOptionReply(header: Buffer): { reply: OptionReply; length: number } {
  if (header.readBigUInt64BE(0) !== OPTION_REPLY_MAGIC)
    throw new NbdError('NBD_PROTOCOL', 'an option was answered with a wrong magic number');
  const type = header.readUInt32BE(12);
  const length = header.readUInt32BE(16);
  if (type >= REP_ERROR_BIT) {
    const reason = refusals[type - REP_ERROR_BIT] ?? `option refused (${type - REP_ERROR_BIT})`;
    return { reply: { kind: 'refused', reason }, length };
  }
  if (type === REP_ACK) return { reply: { kind: 'ack' }, length };
  if (type === REP_INFO) return { reply: { kind: 'info' }, length };
  throw new NbdError('NBD_PROTOCOL', `option answered with the unknown type ${type}`);
}

/** Size and transmission flags, if this piece of information holds them. */
export function decodeExportInfo(info: Buffer): { sizeBytes: number; flags: number } | undefined {
  if (info.readUInt16BE(0) !== INFO_EXPORT) return undefined;
  return { sizeBytes: Number(info.readBigUInt64BE(2)), flags: info.readUInt16BE(10) };
}

export interface Request {
  type: (typeof command)[keyof typeof command];
  flags?: number;
  cookie: bigint;
  offset: number;
  length: number;
}

export function encodeRequest({ type, flags = 0, cookie, offset, length }: Request): Buffer {
  const header = Buffer.alloc(28);
  header.writeUInt32BE(REQUEST_MAGIC, 0);
  header.writeUInt16BE(flags, 4);
  header.writeUInt16BE(type, 6);
  header.writeBigUInt64BE(cookie, 8);
  header.writeBigUInt64BE(BigInt(offset), 16);
  header.writeUInt32BE(length, 24);
  return header;
}

export function decodeReply(header: Buffer): { cookie: bigint; errno: number } {
  if (header.readUInt32BE(0) !== SIMPLE_REPLY_MAGIC)
    throw new NbdError('NBD_PROTOCOL', 'a request was answered with a wrong magic number');
  return { errno: header.readUInt32BE(4), cookie: header.readBigUInt64BE(8) };
}
