// The rules that a reader relies on: who may import whom, that deciders are pure, that no promise is forgotten.
import { createProjectGraphAsync } from '@nx/devkit';
import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

// Without a cached graph the boundary rule skips itself and reports nothing.
await createProjectGraphAsync();

/** Each line: what the tagged project may import beside third-party packages. Apps are in no list: none imports one. */
const mayImport = {
  'lib:kernel': [],
  'lib:contracts': ['kernel'],
  'lib:nbd': ['kernel'],
  'lib:invariants': ['kernel', 'contracts'],
  'lib:observability': ['kernel', 'contracts'],
  // Servers for specs, whoever's: it stands below what is tried with it.
  'lib:testing': ['kernel', 'contracts'],
  'lib:event-store': ['kernel', 'contracts', 'observability', 'testing'],
  'lib:messaging': ['kernel', 'contracts', 'observability', 'event-store', 'testing'],
  'app:health-monitor': ['kernel', 'contracts', 'observability', 'event-store', 'messaging', 'testing'],
  'app:load-balancer': ['kernel', 'contracts', 'observability', 'event-store', 'messaging', 'testing'],
  'app:gateway': ['kernel', 'contracts', 'observability', 'event-store', 'messaging', 'testing'],
  'app:node-agent': ['kernel', 'contracts', 'observability', 'messaging', 'nbd', 'testing'],
  // It speaks to the gateway alone.
  'app:cli': ['kernel', 'contracts', 'observability', 'invariants'],
  'app:lab': ['kernel', 'contracts', 'observability', 'event-store', 'messaging', 'nbd', 'testing'],
};
const depConstraints = Object.entries(mayImport).map(([sourceTag, libs]) => ({
  sourceTag,
  onlyDependOnLibsWithTags: libs.map((lib) => `lib:${lib}`),
}));

const bareError = {
  selector: 'ThrowStatement > NewExpression[callee.name="Error"]',
  message: 'Throw a FleetError with a code, or invariant().',
};

// A constructor may list what it is given; whatever is called by name takes at most three.
const fourParameters = [
  'FunctionDeclaration[params.length>3]',
  'ArrowFunctionExpression[params.length>3]',
  'MethodDefinition[kind!="constructor"] > FunctionExpression[params.length>3]',
].map((selector) => ({ selector, message: 'More than three parameters: name them in an object.' }));

const impure = [
  { selector: 'AwaitExpression', message: 'Deciders do not wait.' },
  { selector: ':function[async=true]', message: 'Deciders do not wait.' },
  { selector: 'ForOfStatement[await=true]', message: 'Deciders do not wait.' },
  { selector: 'ImportExpression', message: 'Import above, by name.' },
  { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: 'Time arrives in the command.' },
  { selector: 'CallExpression[callee.name="Date"]', message: 'Time arrives in the command.' },
];

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '.nx/**', '.holdfast/**'] },
  {
    files: ['{apps,libs,test}/**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    plugins: { '@nx': nx },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        { enforceBuildableLibDependency: false, allow: ['@holdfast/messaging/agent'], depConstraints },
      ],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      // An async method that has nothing to wait for today still answers a promise.
      '@typescript-eslint/require-await': 'off',
      // `await` and `void` of either kind read the same; a handler may be a promise.
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allow: [{ from: 'lib', name: 'Error' }, 'URL', 'URLSearchParams'] },
      ],
      // Optional packages are required where they are used.
      '@typescript-eslint/no-require-imports': 'off',
      // Interfaces of plain functions are taken apart freely: `this` plays no part in them.
      '@typescript-eslint/unbound-method': 'off',
      'max-lines': ['error', { max: 300 }],
      'max-lines-per-function': ['error', { max: 70 }],
      'no-empty': ['error', { allowEmptyCatch: false }],
      'no-restricted-syntax': ['error', bareError, ...fourParameters],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  {
    files: ['**/domain/**/*.ts', 'libs/kernel/**/*.ts'],
    ignores: ['**/*.spec.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^(?!@holdfast/(kernel|contracts)$|zod$|\\./)',
              message: 'Deciders import contracts, kernel, zod and their neighbours.',
            },
          ],
        },
      ],
      'no-restricted-globals': [
        'error',
        ...[
          'process',
          'setTimeout',
          'setInterval',
          'setImmediate',
          'queueMicrotask',
          'performance',
          'crypto',
          'fetch',
          'console',
          'require',
        ],
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now' },
        { object: 'Math', property: 'random' },
      ],
      'no-restricted-syntax': ['error', bareError, ...fourParameters, ...impure],
    },
  },
  {
    files: ['apps/node-agent/**/*.ts'],
    ignores: ['**/*.spec.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^(@nestjs/|typeorm$|pg$|@opentelemetry/sdk-node$|@holdfast/messaging$)',
              message: 'An agent stays small: plain Node and @holdfast/messaging/agent.',
            },
          ],
        },
      ],
    },
  },
  {
    // A suite is one long function, and what it is given is whatever the outside world says.
    files: ['**/*.spec.ts', 'libs/testing/**/*.ts', 'test/**/*.ts'],
    rules: {
      'max-lines-per-function': 'off',
      'no-restricted-syntax': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    // Outside the projects there are no types to lint by.
    files: ['test/**/*.ts'],
    extends: [tseslint.configs.disableTypeChecked],
    rules: { '@nx/enforce-module-boundaries': 'off', '@typescript-eslint/switch-exhaustiveness-check': 'off' },
  },
);
