// Sources are compiled by swc as they are loaded: no build is needed first, and types are tsc's business.
module.exports = {
  roots: ['<rootDir>/apps', '<rootDir>/libs', '<rootDir>/test'],
  testMatch: ['**/*.spec.ts'],
  modulePathIgnorePatterns: ['/dist/'],
  testPathIgnorePatterns: ['\\.int\\.spec\\.ts$', '/test/(scenarios|faults)/'],
  transformIgnorePatterns: ['/node_modules/(?!commander/)'], // an ES module
  moduleNameMapper: {
    '^fast-check$': '<rootDir>/test/support/fast-check.js',
    '^@holdfast/([^/]+)(?:/(.+))?$': ['<rootDir>/libs/$1/src/$2', '<rootDir>/libs/$1/src'],
  },
  transform: {
    '\\.[cm]?[jt]s$': [
      '@swc/jest',
      {
        swcrc: false,
        sourceMaps: 'inline',
        module: { type: 'commonjs' },
        jsc: {
          target: 'es2023',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
      },
    ],
  },
};
