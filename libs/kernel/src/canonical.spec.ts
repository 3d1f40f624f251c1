import { canonical } from './canonical';

it('is one text for one content, in whatever order its keys were given', () => {
  expect(canonical({ b: [1, { y: 2, x: 1 }], a: null })).toBe('{"a":null,"b":[1,{"x":1,"y":2}]}');
  expect(canonical({ a: null, b: [1, { x: 1, y: 2 }] })).toBe('{"a":null,"b":[1,{"x":1,"y":2}]}');
});

it('keeps the order of a list, for that is content', () => {
  expect(canonical({ a: [1, 2] })).not.toBe(canonical({ a: [2, 1] }));
});

it('is JSON: it escapes what it must, leaves out a field that is undefined, and keeps the place of one in a list', () => {
  const value = { b: undefined, a: { d: '"', c: true }, e: [undefined, 0] };
  expect(canonical(value)).toBe('{"a":{"c":true,"d":"\\""},"e":[null,0]}');
  expect(JSON.parse(canonical(value))).toEqual(JSON.parse(JSON.stringify(value)));
});
