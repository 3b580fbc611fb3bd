/**
 * The built page's Content-Security-Policy, as a <meta>, so that it holds wherever the files are put. No inline script, no
 * inline style, no eval; WebAssembly may be compiled (checksums, matrix products, tokenizers). Which models and endpoints a
 * reader will name is not known here: those go through src/nodes/gate.ts, and this allows the kinds of addresses it does.
 * The development server needs inline scripts of its own, so only builds have it.
 */
export const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self' https: http://localhost:* http://127.0.0.1:*",
  "worker-src 'self' blob:",
  "manifest-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** @returns {import('vite').Plugin} */
export function contentSecurityPolicy() {
  return {
    name: 'content-security-policy',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler: () => [
        {
          tag: 'meta',
          attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY },
          injectTo: 'head-prepend',
        },
      ],
    },
  };
}
