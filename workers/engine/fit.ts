/** Whether a run fits into a GPU's memory, and what would. */
import type { EngineChoice, MemoryLimits, MemoryProposal, RunLoad, RunMemory, RunQuestion } from '../engine-api.ts';
import { WANTED_LIMITS, describeAdapter } from '../gpu/device.ts';
import { kvKindOf } from '../kernels/kv.ts';
import type { ModelConfig } from './config.ts';
import { type BaseKinds, memoryOf } from './memory.ts';
import type { Tokenizer } from './tokenizer.ts';
import type { Plan } from './weights/plan.ts';

/** What an engine of that choice may bind at once on this GPU, and how it stores keys and values; null where it would not compute on it. */
export async function deviceLimits(
  gpu: GPU | undefined,
  engine: EngineChoice,
): Promise<Omit<MemoryLimits, 'total'> | null> {
  if (engine === 'reference') return null;
  const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) return null;
  const { software } = describeAdapter(adapter.info, []);
  if (engine === 'auto' && software) return null;
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  const buffer = Math.min(maxBufferSize, maxStorageBufferBindingSize, WANTED_LIMITS.maxStorageBufferBindingSize);
  return { buffer, kv: kvKindOf(software, adapter.features) };
}

/** The memory of a run of a model that has been looked at, and of which no weight need be there. */
export function runMemory(
  { config, slots, storageOf }: Pick<Plan, 'config' | 'slots' | 'storageOf'>,
  tokenizer: Tokenizer,
  { load, prompts, chat }: RunQuestion,
  limits: MemoryLimits,
): RunMemory {
  const kinds: BaseKinds = {
    embedding: storageOf(slots.embedding).kind,
    layers: storageOf(slots.layers[0]!.qkv).kind,
    head: storageOf(slots.head ?? slots.embedding).kind,
  };
  const counted = prompts.map(({ text, heard }) => ({ tokens: tokenizer.encode(text, chat).length, heard }));
  const longest = (message: number) => {
    const most = counted.reduce((max, { tokens, heard }) => Math.max(max, tokens + heard * message), 1);
    // Longer ones are refused, whatever the memory.
    return Math.min(most, Math.max(1, config.contextLength - message));
  };
  const fit = fitRun(config, kinds, load, longest, limits);
  return { ...fit, limits, prompt: longest(load.message) };
}

/** `promptOf` a message length is the longest prompt. */
export function fitRun(
  config: ModelConfig,
  kinds: BaseKinds,
  load: Omit<RunLoad, 'prompt'>,
  promptOf: (message: number) => number,
  limits: MemoryLimits,
): Pick<RunMemory, 'estimate' | 'fits' | 'proposal'> {
  const estimateOf = (part: Omit<MemoryProposal, 'total'>) =>
    memoryOf(config, kinds, { ...load, ...part, prompt: promptOf(part.message) }, limits.kv);
  const { writeBatch, microBatch, recompute, message } = load;
  const estimate = estimateOf({ writeBatch, microBatch, recompute, message });
  const within = ({ total, largest }: typeof estimate) => total <= limits.total && largest.bytes <= limits.buffer;
  if (within(estimate)) return { estimate, fits: true, proposal: null };

  const tried = (part: Omit<MemoryProposal, 'total'>): MemoryProposal | null => {
    const smaller = estimateOf(part);
    return within(smaller) ? { ...part, total: smaller.total } : null;
  };
  const nodes = load.layers.reduce((sum, layer) => sum + layer.nodes, 0);
  const most = 2 ** Math.floor(Math.log2(Math.max(1, nodes * load.rows)));
  // The largest groups that fit: fewer passes over the weights. Only then shorter messages, which change what is learned.
  for (let length = message; length >= 1; length = Math.floor(length / 2)) {
    for (let rows = most; rows >= 1; rows /= 2) {
      const found =
        tried({ message: length, writeBatch: rows, microBatch: rows, recompute: false }) ??
        tried({ message: length, writeBatch: rows, microBatch: rows, recompute: true });
      if (found) return { estimate, fits: false, proposal: found };
    }
  }
  return { estimate, fits: false, proposal: null };
}
