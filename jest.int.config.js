// Integration specs: the same sources against real PostgreSQL, Kafka and storage daemons, one suite at a time.
const base = require('./jest.config.js');
module.exports = {
  ...base,
  testMatch: ['**/*.int.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  maxWorkers: 1,
  testTimeout: 60_000,
};
