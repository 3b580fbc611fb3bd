import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import { configs as lit } from 'eslint-plugin-lit';
import tseslint from 'typescript-eslint';

/**
 * Imports go one way. A file below `folder` may not import from the folders `from` (below src/ or workers/): relative
 * imports are written out in full, so the path in the import tells.
 */
const forbid = (folder, from, message) => ({
  files: [`${folder}/**/*.ts`, `${folder}.ts`],
  ignores: ['**/*.test.ts'],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          { regex: `^\\.\\.?/(.*/)?(cli|bench|tools|tests)/`, message: 'The product does not know its tools.' },
          folder.startsWith('src')
            ? {
                // `?worker&url` imports the address of a script, not the script.
                regex: '/workers/(?!(engine|reward|judge)-api\\.ts$|[a-z]+\\.worker\\.ts\\?worker&url$)',
                message: 'src and workers share types only: workers/engine-api.ts, reward-api.ts and judge-api.ts.',
              }
            : { regex: '/src/', message: 'An engine knows no task, no reward and no graph.' },
          ...(from.length > 0 ? [{ regex: `^\\.\\.?/(.*/)?(${from.join('|')})/`, message }] : []),
        ],
      },
    ],
  },
});

// The last entry that matches a file counts, so the general ones come first.
const directions = [
  forbid('src', []),
  forbid(
    'src/{spec,tasks,graph}',
    ['training', 'study', 'storage', 'nodes', 'session', 'ui'],
    'Training imports this, not the other way round.',
  ),
  forbid(
    'src/training',
    ['study', 'storage', 'nodes', 'session', 'ui'],
    'The trainer gets nodes, storage and sinks as arguments.',
  ),
  forbid('src/{storage,nodes}', ['study', 'session', 'ui'], 'Pages and studies import this, not the other way round.'),
  forbid('src/study', ['ui'], 'A study runs without a page.'),
  forbid('workers', []),
  forbid('workers/gpu', ['kernels', 'engine', 'reference'], 'gpu ← kernels ← engine'),
  forbid('workers/kernels', ['engine', 'reference'], 'gpu ← kernels ← engine'),
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
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // noUncheckedIndexedAccess makes every element of a typed array possibly undefined; loops over shapes know better.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
  // TypeScript checks the names in these too (cli/tsconfig.json).
  { files: ['**/*.mjs', '**/*.js'], rules: { 'no-undef': 'off' } },
  directions,
  { files: ['src/ui/**/*.ts'], extends: [lit['flat/recommended']] },
  {
    files: ['**/*.test.ts', 'tests/**/*.ts'],
    rules: {
      // Parsed JSON in tests is looked at as it comes.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
);
