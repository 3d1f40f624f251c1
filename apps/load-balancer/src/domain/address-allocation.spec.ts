import { lowestFreeAddress } from './address-allocation';

const none = new Set<string>();

it('takes the lowest free address of the first range', () => {
  expect(lowestFreeAddress(['127.30.1.0/24'], none)).toBe('127.30.1.1');
  expect(lowestFreeAddress(['127.30.1.0/24'], new Set(['127.30.1.1', '127.30.1.3']))).toBe('127.30.1.2');
});

it('goes on in the next range when the first is full', () => {
  const taken = new Set(['10.0.0.1', '10.0.0.2']);
  expect(lowestFreeAddress(['10.0.0.0/30', '10.0.1.0/30'], taken)).toBe('10.0.1.1');
});

it('never gives the name of the net nor its broadcast address', () => {
  expect(lowestFreeAddress(['10.0.0.0/30'], new Set(['10.0.0.1', '10.0.0.2']))).toBeUndefined();
});

it('uses every address of ranges too small to have either', () => {
  expect(lowestFreeAddress(['10.0.0.7/32'], none)).toBe('10.0.0.7');
  expect(lowestFreeAddress(['10.0.0.6/31'], new Set(['10.0.0.6']))).toBe('10.0.0.7');
});

it('reads a range whose base is not at its beginning', () => {
  expect(lowestFreeAddress(['192.168.255.77/24'], none)).toBe('192.168.255.1');
});
