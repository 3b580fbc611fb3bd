import { defineConfig } from 'vite';
import { thirdPartyLicences } from './tools/dev/licences.mjs';

const licences = thirdPartyLicences();

/**
 * The library: one script that defines `<neuro-mas>` and everything it needs beside it, so that the folder works from any
 * address. `tools/dev/build-lib.mjs` makes an npm package of it.
 */
export default defineConfig({
  base: './',
  // Judges compute on the CPU: half the size of the runtime with WebGPU that transformers.js names.
  resolve: { alias: { 'onnxruntime-web/webgpu': 'onnxruntime-web/wasm' } },
  // Only the models of public/ are part of it; build-lib.mjs copies them.
  publicDir: false,
  plugins: [licences.main],
  define: { 'import.meta.env.NEUROMAS_LIBRARY': JSON.stringify('true') },
  worker: {
    format: 'es',
    plugins: () => [licences.worker()],
    // One file: bundlers of others copy a worker's file, but not what it would import.
    rolldownOptions: { output: { codeSplitting: false, entryFileNames: '[name]-[hash].js' } },
  },
  build: {
    target: 'es2022',
    outDir: 'dist-lib',
    rolldownOptions: {
      input: { 'neuro-mas': 'src/index.ts', iframe: 'src/embed/iframe.ts' },
      preserveEntrySignatures: 'strict',
      output: {
        // All in one folder: assetBase() is where the script lies.
        entryFileNames: '[name].js',
        chunkFileNames: '[name]-[hash].js',
        assetFileNames: '[name]-[hash][extname]',
      },
    },
  },
});
