import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { type ConfigInvalid, readConfig, secret } from './config';

const schema = z.object({
  HOLDFAST_GATEWAY_PORT: z.coerce.number().int().default(7480),
  HOLDFAST_TOKEN: secret.optional(),
});

function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(schema, env);
  } catch (error) {
    return (error as ConfigInvalid).faults;
  }
  return [];
}

describe('settings', () => {
  it('come typed, with defaults', () => {
    expect(readConfig(schema, { HOLDFAST_GATEWAY_PORT: '80' }).HOLDFAST_GATEWAY_PORT).toBe(80);
    expect(readConfig(schema, {}).HOLDFAST_GATEWAY_PORT).toBe(7480);
  });

  it('count an empty variable as absent', () => {
    expect(readConfig(schema, { HOLDFAST_GATEWAY_PORT: '' }).HOLDFAST_GATEWAY_PORT).toBe(7480);
  });

  it('stop at a name that nobody knows, and say the nearest', () => {
    expect(faultsOf({ HOLDFAST_GATEWAY_PROT: '80' })).toEqual([
      'HOLDFAST_GATEWAY_PROT is not known; did you mean HOLDFAST_GATEWAY_PORT?',
    ]);
  });

  it("do not stop at another app's variable, nor at anybody else's", () => {
    expect(faultsOf({ HOLDFAST_AGENT_NODE_ID: 'n1', PATH: '/bin' })).toEqual([]);
  });

  it('stop at a log level that there is not, and take an empty one for none', () => {
    expect(faultsOf({ HOLDFAST_LOG_LEVEL: 'verbose' })).toEqual([
      'HOLDFAST_LOG_LEVEL: verbose is none of trace, debug, info, warn, error, fatal, silent',
    ]);
    expect(faultsOf({ HOLDFAST_LOG_LEVEL: '' })).toEqual([]);
    expect(faultsOf({ HOLDFAST_LOG_LEVEL: 'fatal' })).toEqual([]);
  });

  it('name every fault at once', () => {
    expect(faultsOf({ HOLDFAST_GATEWAY_PORT: 'high', HOLDFAST_X: '1' })).toHaveLength(2);
  });
});

describe('a secret', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-config-'));
  const file = join(folder, 'token');
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is read from the file that …_FILE names, without its last line end', () => {
    writeFileSync(file, 'k3y\n');
    expect(readConfig(schema, { HOLDFAST_TOKEN_FILE: file }).HOLDFAST_TOKEN?.reveal()).toBe('k3y');
  });

  it('given outright beats the file', () => {
    const { HOLDFAST_TOKEN } = readConfig(schema, { HOLDFAST_TOKEN: 'given', HOLDFAST_TOKEN_FILE: file });
    expect(HOLDFAST_TOKEN?.reveal()).toBe('given');
  });

  it('whose file cannot be read stops the start', () => {
    expect(faultsOf({ HOLDFAST_TOKEN_FILE: join(folder, 'none') })[0]).toMatch(/^HOLDFAST_TOKEN_FILE: ENOENT/);
  });

  it('is the only kind of variable that has a …_FILE form', () => {
    expect(faultsOf({ HOLDFAST_LOG_LEVEL_FILE: file })).toEqual([
      'HOLDFAST_LOG_LEVEL_FILE is not known; did you mean HOLDFAST_LOG_LEVEL?',
    ]);
  });
});
