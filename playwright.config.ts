import { defineConfig, devices } from '@playwright/test';
import { CHROMIUM_FLAGS, findChromium } from './tools/dev/browser.mjs';

const port = Number(process.env['PAGE_PORT'] ?? 4173);
// Beside another run: PAGE_PORT and PAGE_DIR.
const page = process.env['PAGE_DIR'] ?? 'node_modules/.cache/neuromas/page';
const vite = 'node node_modules/vite/bin/vite.js';
const executablePath = await findChromium();
const launchOptions = { args: CHROMIUM_FLAGS, ...(executablePath !== undefined && { executablePath }) };

/** The built page, as it is published, in Chromium with WebGPU on SwiftShader. Files named `X.phone.spec.ts` run at phone size. */
export default defineConfig({
  testDir: 'tests',
  outputDir: 'test-results',
  // Training on software rendering is slow, and two tests at once are slower than one after the other.
  timeout: 180_000,
  expect: { timeout: 15_000 },
  workers: 1,
  forbidOnly: !!process.env['CI'],
  use: {
    baseURL: `http://127.0.0.1:${port}/`,
    trace: 'retain-on-failure',
    launchOptions,
  },
  projects: [
    {
      name: 'desktop',
      testDir: 'tests/e2e',
      testIgnore: '**/*.phone.spec.ts',
      use: { ...devices['Desktop Chrome'], viewport: { width: 1280, height: 800 } },
    },
    { name: 'phone', testDir: 'tests/e2e', testMatch: '**/*.phone.spec.ts', use: { ...devices['Pixel 7'] } },
    // Few of each fault; npm run test:faults -- --full for all. Nobody looks: drawing a large page in software costs more than the training in it.
    { name: 'faults', testDir: 'tests/faults', use: { viewport: { width: 480, height: 320 } } },
  ],
  webServer: {
    command: `${vite} build --outDir ${page} --emptyOutDir && ${vite} preview --outDir ${page} --host 127.0.0.1 --port ${port} --strictPort`,
    port,
    timeout: 300_000,
    reuseExistingServer: false,
  },
});
