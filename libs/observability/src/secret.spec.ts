import { inspect } from 'node:util';
import { Secret } from './secret';

describe('Secret', () => {
  const token = new Secret('k3y');

  it('gives its value to whoever asks for it by name', () => expect(token.reveal()).toBe('k3y'));

  it('throws when it is serialised, however deep it lies', () => {
    expect(() => JSON.stringify({ event: { data: { token } } })).toThrow('a secret was about to be serialised');
  });

  it('throws when it is put into a text', () => expect(() => `${token as unknown as string}`).toThrow());

  it('prints as a mask', () => expect(inspect({ token })).toBe('{ token: [secret] }'));
});
