export { NbdClient, type NbdOptions, type NbdTarget } from './client';
export { NbdError, type NbdErrorCode } from './errors';
export type { Extent } from './protocol';
