import { readConfig } from '@holdfast/observability';
import { healthConfig } from './config';

const given = { HOLDFAST_DATABASE_URL: 'postgres://h@127.0.0.1/h', HOLDFAST_KAFKA_BROKERS: 'a:1,b:2' };
const withAlpha = (alpha: string) => readConfig(healthConfig, { ...given, HOLDFAST_HEALTH_ALPHA_MS: alpha });

describe('the configuration', () => {
  it('waits 4 s for a heartbeat unless told otherwise', () => {
    expect(readConfig(healthConfig, given)).toMatchObject({
      HOLDFAST_HEALTH_ALPHA_MS: 4_000,
      HOLDFAST_KAFKA_BROKERS: ['a:1', 'b:2'],
    });
  });

  it.each(['2000', '30000'])('takes a waiting time of %s ms', (alpha) => {
    expect(withAlpha(alpha).HOLDFAST_HEALTH_ALPHA_MS).toBe(Number(alpha));
  });

  it.each(['1999', '30001', '2000.5', 'soon'])('refuses one of %s', (alpha) => {
    expect(() => withAlpha(alpha)).toThrow('HOLDFAST_HEALTH_ALPHA_MS');
  });
});
