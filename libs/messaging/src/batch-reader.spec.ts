import { KafkaJSNonRetriableError } from 'kafkajs';
import { isOfAnAbsentBroker } from './batch-reader';

const named = (name: string, more: object = {}) => Object.assign(new TypeError(name), { name, ...more });
/** As kafkajs wraps whatever it will not try again. */
const wrapping = (cause: Error) => Object.assign(new KafkaJSNonRetriableError(cause), { cause });

describe('a crash of a consumer', () => {
  it('passes by itself when the coordinator is not found yet, though kafkajs calls that final', () => {
    const unfound = named('KafkaJSGroupCoordinatorNotFound', { retriable: false });
    expect(isOfAnAbsentBroker(unfound)).toBe(true);
    expect(isOfAnAbsentBroker(wrapping(unfound))).toBe(true);
  });

  it('passes by itself when whatever led to it does', () => {
    const closed = named('KafkaJSConnectionClosedError', { retriable: true });
    expect(isOfAnAbsentBroker(wrapping(closed))).toBe(true);
  });

  it('is final otherwise', () => {
    expect(isOfAnAbsentBroker(new KafkaJSNonRetriableError('no such topic'))).toBe(false);
    expect(isOfAnAbsentBroker('no error at all')).toBe(false);
  });
});
