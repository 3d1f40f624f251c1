import type { Predicate } from './evidence';

/** M4: every acknowledged write is read back, after takeovers too. */
export const M4: Predicate = ({ wrongBlocks }) =>
  wrongBlocks.map(({ volume, block, expected, found }) => ({
    predicate: 'M4',
    subject: volume,
    message: `block ${block} holds ${found}, acknowledged was ${expected}`,
  }));
