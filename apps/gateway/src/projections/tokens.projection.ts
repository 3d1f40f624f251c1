import { AccessDenied, AccessTokenIssued, AccessTokenRevoked, type Instant, type Role } from '@holdfast/contracts';
import { defineProjection, rulesFor } from './projection';

/** What may be told about a token: neither the secret nor its hash. */
export interface TokenRow {
  tokenId: string;
  role: Role;
  label: string;
  issuedAt: Instant;
  issuedBy: string;
  expiresAt: Instant | null;
  revokedAt: Instant | null;
  denied: number;
}

const on = rulesFor<TokenRow>();
const ofToken = ({ data }: { data: { tokenId: string } }) => data.tokenId;

export const tokensProjection = defineProjection<TokenRow>('access-tokens', [
  on(AccessTokenIssued, ofToken, (_row, { data: { tokenId, role, label, expiresAt, actor }, at }) => ({
    tokenId,
    role,
    label,
    issuedAt: at,
    issuedBy: actor.tokenId,
    expiresAt,
    revokedAt: null,
    denied: 0,
  })),
  on(AccessTokenRevoked, ofToken, (row, { at }) => row && { ...row, revokedAt: row.revokedAt ?? at }),
  on(AccessDenied, ofToken, (row, { data }) => row && { ...row, denied: row.denied + data.count }),
]);
