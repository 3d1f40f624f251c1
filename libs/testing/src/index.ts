export { freePort } from './free-port';
export { startPostgres, type Postgres, type PostgresOptions } from './postgres';
export { KafkaUnavailable, startKafka, type KafkaOptions, type RunningKafka } from './kafka';
export { otlpSink, type OtlpSink, type SeenSpan } from './otlp-sink';
export { freshDatabase, temporaryPostgres, type SetUp } from './database';
export { specFor, type Given, type Outcome } from './spec-for';
export { together } from './together';
