import type { EventStore } from '@holdfast/event-store';
import type { Role } from '@holdfast/contracts';
import { routes } from '../routes';
import { sha256 } from '../requests/request-id';
import { Access } from './access';
import { newSecret, Tokens } from './tokens';

interface Told {
  stream: string;
  events: { type: string; data: { count: number } }[];
}

/** A store that only remembers what was appended. */
function fixture() {
  const told: Told[] = [];
  const inTransaction = async (work: (tx: unknown) => Promise<unknown>) =>
    work({ append: (entry: Told) => told.push(entry) });
  const store = { inTransaction } as unknown as EventStore;
  const tokens = new Tokens(store);
  let now = Date.parse('2026-03-01T10:00:00Z');
  const access = new Access(tokens, store, () => now);
  const issue = (tokenId: string, role: Role, expiresAt: string | null = null) => {
    const secret = newSecret();
    tokens.apply({ type: 'AccessTokenIssued', data: { tokenId, role, expiresAt, tokenHash: sha256(secret) } });
    return `Bearer ${secret}`;
  };
  return { access, tokens, issue, told, pass: (ms: number) => (now += ms) };
}
const codeOf = (work: () => unknown): string => {
  try {
    work();
    return 'admitted';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('access', () => {
  it('admits nobody without a token, or under one that was never issued', () => {
    const { access } = fixture();
    for (const header of [undefined, '', 'Basic abc', 'Bearer', `Bearer ${newSecret()}`]) {
      expect(codeOf(() => access.admit(header, 'viewer'))).toBe('UNAUTHENTICATED');
    }
  });

  it('admits each role to its own routes and those below, on every route', () => {
    const { access, issue } = fixture();
    const bearers = { viewer: issue('v', 'viewer'), operator: issue('o', 'operator'), admin: issue('a', 'admin') };
    const order: Role[] = ['viewer', 'operator', 'admin'];
    for (const { role } of routes) {
      for (const held of order) {
        const expected = order.indexOf(held) >= order.indexOf(role) ? 'admitted' : 'FORBIDDEN';
        expect(codeOf(() => access.admit(bearers[held], role))).toBe(expected);
      }
    }
  });

  it('turns a token away from the instant it expires, and at once when it is revoked', () => {
    const { access, issue, tokens, pass } = fixture();
    const header = issue('t', 'viewer', '2026-03-01T10:00:01Z');
    pass(999);
    expect(codeOf(() => access.admit(header, 'viewer'))).toBe('admitted');
    pass(1);
    expect(codeOf(() => access.admit(header, 'viewer'))).toBe('UNAUTHENTICATED');
    const other = issue('u', 'viewer');
    tokens.apply({ type: 'AccessTokenRevoked', data: { tokenId: 'u' } });
    expect(codeOf(() => access.admit(other, 'viewer'))).toBe('UNAUTHENTICATED');
  });

  it('tells denials at most once a minute, with how many there were', () => {
    const { access, issue, told, pass } = fixture();
    const header = issue('v', 'viewer');
    const knock = () => codeOf(() => access.admit(header, 'admin'));
    knock();
    pass(59_999);
    knock();
    knock();
    expect(told.map(({ events }) => events[0]!.data.count)).toEqual([1]);
    pass(1);
    knock();
    expect(told.map(({ events }) => events[0]!.data.count)).toEqual([1, 3]);
    expect(told[0]!.stream).toBe('access-v');
  });
});
