/** What is asked of a browser's WebGPU here: its types are those of the engine, in `workers/`. */
interface Gpu {
  requestAdapter(): Promise<object | null>;
}

/**
 * Whether the browser would give a GPU, or software in its place, to this page: asked without loading an engine. Browsers
 * have WebGPU only in secure contexts, and none may be allowed on this machine.
 */
export async function hasGpu(): Promise<boolean> {
  const { gpu } = navigator as { gpu?: Gpu };
  const adapter = await gpu?.requestAdapter().catch(() => null);
  return adapter !== null && adapter !== undefined;
}
