import { defineConfig } from 'vitest/config';
import { adapterEnvironment } from './cli/environment.mjs';
import { contentSecurityPolicy } from './tools/dev/csp.mjs';
import { thirdPartyLicences } from './tools/dev/licences.mjs';
import { offline } from './tools/dev/pwa.mjs';

// Vitest's workers are processes that inherit this environment, and with it the way to a Vulkan driver for Dawn. The
// default is SwiftShader, so that tests mean the same everywhere; NEUROMAS_TEST_ADAPTER=hardware takes the GPU.
if (process.env['VITEST']) {
  Object.assign(process.env, adapterEnvironment(process.env['NEUROMAS_TEST_ADAPTER'] ?? 'software'));
}

const licences = thirdPartyLicences({ serviceWorker: true });

export default defineConfig({
  // Relative, so that the built page works at any address.
  base: './',
  // Judges compute on the CPU: half the size of the runtime with WebGPU that transformers.js names.
  resolve: { alias: { 'onnxruntime-web/webgpu': 'onnxruntime-web/wasm' } },
  plugins: [contentSecurityPolicy(), licences.main, ...(process.env['VITEST'] ? [] : [offline()])],
  worker: { format: 'es', plugins: () => [licences.worker()] },
  build: {
    target: 'es2022',
    rolldownOptions: {
      // The bench and the inside of an iframe are pages of their own: nothing of them is in the first load.
      input: { index: 'index.html', bench: 'bench.html', embed: 'embed.html', iframe: 'src/embed/iframe.ts' },
      output: {
        // Pages of others name this script, so its name stays.
        entryFileNames: ({ name }) => (name === 'iframe' ? 'iframe.js' : 'assets/[name]-[hash].js'),
      },
    },
  },
  test: {
    include: ['{src,workers,cli,tools,bench}/**/*.test.ts', 'tests/{unit,fuzz}/**/*.test.ts'],
    setupFiles: ['tests/setup.ts'],
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
