/**
 * What the addresses of the built-in models are relative to. The page has them beside its document. The library has them
 * beside its script, wherever the document is; `vite.lib.config.ts` sets the flag and keeps all scripts in one folder.
 */
export const assetBase = (): URL =>
  import.meta.env['NEUROMAS_LIBRARY'] === 'true'
    ? new URL(/* @vite-ignore */ './', import.meta.url)
    : new URL(import.meta.env.BASE_URL, document.baseURI);
