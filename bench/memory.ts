/** Memory of an engine on WebGPU by what it is for, from the names of its buffers. */
export const MEMORY_KINDS = ['base', 'adapters', 'caches', 'activations', 'other'] as const;
export type MemoryKind = (typeof MEMORY_KINDS)[number];
/** In bytes. */
export type Memory = Record<MemoryKind, number>;

/** The first that matches counts. Small things (uniforms, token lists, staging) are `other`, and so is what is not known. */
const KINDS: readonly [MemoryKind, RegExp][] = [
  ['other', /\.(meta|dims|tiles|segments|info|options|nodes|keys|state|output|sampling|stats)$/],
  ['base', /^(embedding|head|finalNorm|layer\.)/],
  ['adapters', /^adapters\./],
  ['caches', /^cache/],
  ['activations', /^(tensors|last|scratch|backward|loss|chunk|generate|score)\b/],
];

export function memoryKind(buffer: string): MemoryKind {
  // The statistics of attention are as long as its queries.
  if (/^tensors\b.*\.stats$/.test(buffer)) return 'activations';
  return KINDS.find(([, pattern]) => pattern.test(buffer))?.[0] ?? 'other';
}

export function memoryByKind(sizes: Iterable<[string, number]>): Memory {
  const memory: Memory = { base: 0, adapters: 0, caches: 0, activations: 0, other: 0 };
  for (const [name, bytes] of sizes) memory[memoryKind(name)] += bytes;
  return memory;
}
