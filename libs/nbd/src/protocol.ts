import { NbdError } from './errors';

/** Numbers and layouts of the NBD protocol (fixed newstyle, simple and structured replies), as its specification names them. */
export const NBDMAGIC = 0x4e42444d41474943n;
export const IHAVEOPT = 0x49484156454f5054n;
const OPTION_REPLY_MAGIC = 0x3e889045565a9n;
const REQUEST_MAGIC = 0x25609513;
const SIMPLE_REPLY_MAGIC = 0x67446698;
const STRUCTURED_REPLY_MAGIC = 0x668e33ef;

export const FLAG_FIXED_NEWSTYLE = 1;
export const FLAG_NO_ZEROES = 2;
const OPT_GO = 7;
const OPT_STRUCTURED_REPLY = 8;
const OPT_SET_META_CONTEXT = 10;
const REP_ACK = 1;
const REP_INFO = 3;
const REP_META_CONTEXT = 4;
const REP_ERROR_BIT = 0x80000000;
const INFO_EXPORT = 0;

export const command = { read: 0, write: 1, disconnect: 2, flush: 3, blockStatus: 7 } as const;
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

/** Ours, told before the first option. */
export function encodeClientFlags(): Buffer {
  return uint32(FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES);
}

/** Names the export and goes over to transmission in one step. */
export const encodeGo = (exportName: string) => encodeOption(OPT_GO, counted(exportName), Buffer.alloc(2));

/** Answers in chunks: without them there is no block status. */
export const encodeStructuredReply = () => encodeOption(OPT_STRUCTURED_REPLY);

/** Block status in one context alone. */
export const encodeSetMetaContext = (exportName: string, context: string) =>
  encodeOption(OPT_SET_META_CONTEXT, counted(exportName), uint32(1), counted(context));

function encodeOption(option: number, ...body: Buffer[]): Buffer {
  const head = Buffer.alloc(8 + 4 + 4);
  head.writeBigUInt64BE(IHAVEOPT, 0);
  head.writeUInt32BE(option, 8);
  head.writeUInt32BE(Buffer.concat(body).length, 12);
  return Buffer.concat([head, ...body]);
}

function counted(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export type OptionReply =
  { kind: 'ack' } | { kind: 'info' } | { kind: 'context' } | { kind: 'refused'; reason: string };

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
  if (type === REP_META_CONTEXT) return { reply: { kind: 'context' }, length };
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

export const CHUNK_LENGTH_BYTES = 4;
export const isChunk = (header: Buffer): boolean => header.readUInt32BE(0) === STRUCTURED_REPLY_MAGIC;

export interface ChunkHeader {
  cookie: bigint;
  type: number;
  /** The last one of its answer. */
  done: boolean;
}

export function decodeChunkHeader(header: Buffer): ChunkHeader {
  return {
    done: (header.readUInt16BE(4) & 1) !== 0,
    type: header.readUInt16BE(6),
    cookie: header.readBigUInt64BE(8),
  };
}

/** A run of bytes of an export. `zero`: it reads as zeroes, whether or not anything is allocated for it. */
export interface Extent {
  offset: number;
  length: number;
  zero: boolean;
}

export type Chunk =
  | { kind: 'nothing' }
  | { kind: 'data'; offset: number; data: Buffer }
  | { kind: 'hole'; offset: number; length: number }
  | { kind: 'status'; runs: { length: number; zero: boolean }[] }
  | { kind: 'error'; errno: number };

const CHUNK = { none: 0, data: 1, hole: 2, blockStatus: 5 } as const;
const CHUNK_ERROR_BIT = 0x8000;
const STATE_ZERO = 2;

export function decodeChunk(type: number, body: Buffer): Chunk {
  if (type & CHUNK_ERROR_BIT) return { kind: 'error', errno: body.readUInt32BE(0) };
  switch (type) {
    case CHUNK.none:
      return { kind: 'nothing' };
    case CHUNK.data:
      return { kind: 'data', offset: Number(body.readBigUInt64BE(0)), data: body.subarray(8) };
    case CHUNK.hole:
      return { kind: 'hole', offset: Number(body.readBigUInt64BE(0)), length: body.readUInt32BE(8) };
    case CHUNK.blockStatus:
      return { kind: 'status', runs: decodeRuns(body.subarray(4)) };
    default:
      throw new NbdError('NBD_PROTOCOL', `an answer's chunk has the unknown type ${type}`);
  }
}

function decodeRuns(body: Buffer): { length: number; zero: boolean }[] {
  return Array.from({ length: body.length / 8 }, (_, i) => ({
    length: body.readUInt32BE(i * 8),
    zero: (body.readUInt32BE(i * 8 + 4) & STATE_ZERO) !== 0,
  }));
}
