import { defineConfig } from 'vitest/config';

export default defineConfig({
  worker: { format: 'es' },
  build: { target: 'es2022' },
  test: {
    include: [
      'src/**/*.test.ts',
      'workers/**/*.test.ts',
      'cli/**/*.test.ts',
      'tests/unit/**/*.test.ts',
      'tools/**/*.test.ts',
    ],
    testTimeout: 60_000,
  },
});
