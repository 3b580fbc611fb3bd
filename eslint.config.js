import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import { importX } from 'eslint-plugin-import-x';
import { configs as lit } from 'eslint-plugin-lit';
import tseslint from 'typescript-eslint';

/** Imports go one way; `from` may not be imported by files in `target`. */
const directions = [
  {
    target: './src',
    from: './workers',
    except: ['./engine-api.ts'],
    message: 'src and workers share types only: workers/engine-api.ts.',
  },
  { target: './workers', from: './src', message: 'An engine worker never knows a task, a reward or the graph.' },
  {
    target: ['./src', './workers'],
    from: ['./cli', './bench', './tools', './tests'],
    message: 'The product does not know its tools.',
  },
  { target: './workers/gpu', from: ['./workers/kernels', './workers/engine', './workers/reference'] },
  { target: './workers/kernels', from: ['./workers/reference', './workers/engine'] },
  {
    target: ['./src/tasks', './src/graph', './src/spec.ts'],
    from: ['./src/training', './src/study', './src/storage', './src/nodes', './src/ui'],
  },
  {
    target: './src/training',
    from: ['./src/study', './src/storage', './src/nodes', './src/ui'],
    message: 'The trainer gets its nodes, storage and sinks as arguments.',
  },
  { target: ['./src/storage', './src/nodes'], from: ['./src/study', './src/ui'] },
  { target: './src/study', from: './src/ui' },
];

export default defineConfig(
  { ignores: ['dist*/', 'public/', 'runs/', 'test-results/', 'playwright-report/', 'node_modules/', '.cache/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { project: ['src/tsconfig.json', 'workers/tsconfig.json', 'cli/tsconfig.json'] },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      // Methods of an asynchronous interface are asynchronous even where one implementation has nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      // Text is split into code points on purpose.
      '@typescript-eslint/no-misused-spread': 'off',
      // noUncheckedIndexedAccess makes every element of a typed array possibly undefined; loops over shapes know better.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
  // TypeScript checks the names in these too (cli/tsconfig.json).
  { files: ['**/*.mjs', '**/*.js'], rules: { 'no-undef': 'off' } },
  {
    files: ['src/**/*.ts', 'workers/**/*.ts'],
    ignores: ['**/*.test.ts'],
    plugins: { 'import-x': importX },
    rules: { 'import-x/no-restricted-paths': ['error', { basePath: import.meta.dirname, zones: directions }] },
  },
  { files: ['src/ui/**/*.ts'], extends: [lit['flat/recommended']] },
  {
    files: ['**/*.test.ts', 'tests/**/*.ts'],
    rules: {
      // Parsed JSON in tests is looked at as it comes.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
    },
  },
);
