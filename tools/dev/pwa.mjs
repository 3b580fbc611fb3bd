import { VitePWA } from 'vite-plugin-pwa';

/**
 * The page without a network: a service worker that keeps the page and the built-in models. `src/page.ts` registers it
 * when everything else has been loaded. All it runs is its own file (`inlineWorkboxRuntime`), as the page's policy wants,
 * and the manifest is a file, not an inline script.
 */
export const offline = () =>
  VitePWA({
    registerType: 'prompt',
    injectRegister: null,
    manifest: {
      id: './',
      name: 'NeuroMAS Sandbox',
      short_name: 'NeuroMAS',
      description: 'Watch a network of small language models learn to work together, inside your browser.',
      start_url: './',
      scope: './',
      display: 'standalone',
      background_color: '#f4f6f8',
      theme_color: '#0b756b',
      categories: ['education'],
      icons: [
        { src: 'icon-192.png', sizes: '192x192', type: 'image/png' },
        { src: 'icon-512.png', sizes: '512x512', type: 'image/png' },
        { src: 'icon-maskable-512.png', sizes: '512x512', type: 'image/png', purpose: 'maskable' },
        { src: 'icon.svg', sizes: 'any', type: 'image/svg+xml' },
      ],
    },
    workbox: {
      globPatterns: ['**/*.{html,js,css,svg,png,json,bin,wasm}', 'recordings/*.zip'],
      // Heavy libraries come with models from elsewhere, of no use without a network; the bench is for developers.
      globIgnores: [
        '**/*web-llm*',
        '**/frozen.worker*',
        '**/ort-*',
        '**/pretrained-*',
        '**/transformers*',
        '**/judge*',
        '**/bench*',
        '**/*.map',
      ],
      // Attributes of an embed are in its address; the file is the same.
      ignoreURLParametersMatching: [/./],
      inlineWorkboxRuntime: true,
      clientsClaim: true,
      cleanupOutdatedCaches: true,
      navigateFallback: null,
    },
  });
