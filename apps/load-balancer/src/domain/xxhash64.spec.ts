import { xxhash64 } from './xxhash64';

// The first four are the published test vectors; all were compared with the reference implementation's.
it.each([
  ['', 0xef46db3751d8e999n],
  ['a', 0xd24ec4f1a98c6e5bn],
  ['abc', 0x44bc2cf5ad770999n],
  ['Nobody inspects the spammish repetition', 0xfbcea83c8a378bf1n],
])('hashes %j as the specification says', (text, expected) => {
  expect(xxhash64(text)).toBe(expected);
});
