/** The GPU memory of a run, before anything is downloaded for it. */
import { taskOf } from '../src/tasks/of.ts';
import { quantizationOf } from '../src/nodes/model.ts';
import type { RunSpec } from '../src/spec.ts';
import { gigabytes, memoryFault, memoryQuestion, proposedSettings } from '../src/training/memory.ts';
import type { RunMemory } from '../workers/engine-api.ts';
import { tokenizerOf } from '../workers/engine/tokenizer-of.ts';
import { deviceLimits, runMemory } from '../workers/engine/fit.ts';
import { openModel } from '../workers/engine/weights/open.ts';
import { findGpu, type AdapterChoice } from './adapter.ts';
import { engineChoice, modelAddress, modelFiles } from './engine.ts';
import { InputError } from './errors.ts';

/** Null where nothing is computed on a GPU. */
export async function memoryFor(spec: RunSpec, adapter: AdapterChoice, bytes: number): Promise<RunMemory | null> {
  if (spec.engine === 'reference') return null;
  const { gpu } = await findGpu(adapter);
  const limits = await deviceLimits(gpu ?? undefined, engineChoice(spec, adapter));
  if (limits === null) return null;
  const { plan, files } = await openModel(modelAddress(spec.model), {
    ...modelFiles(spec.model),
    quantization: quantizationOf(spec),
  });
  const tokenizer = await tokenizerOf(plan.config, files);
  return runMemory(plan, tokenizer, memoryQuestion(spec, taskOf(spec)), { ...limits, total: bytes });
}

/** Throws an InputError that says what would fit, and how to ask for it. */
export function checkMemory(spec: RunSpec, memory: RunMemory): void {
  if (memory.fits) return;
  const { proposal, estimate, limits } = memory;
  const more =
    estimate.total > limits.total
      ? `, or allow more with --memory ${Math.ceil((estimate.total * 1.01) / 1e8) / 10}`
      : '';
  if (!proposal) throw new InputError(`${memoryFault(memory)} Take a smaller model or rank${more}`);
  const settings = proposedSettings(spec, proposal).map(([path, value]) => `--set ${path}=${value}`);
  throw new InputError(
    `${memoryFault(memory)} With ${settings.join(' ')} it takes ${gigabytes(proposal.total)}; add that${more}`,
  );
}

/** A table of what takes how much. */
export function memoryTable({ estimate, limits, prompt }: RunMemory): string {
  const rows = [...estimate.parts, { name: 'together, at most', bytes: estimate.total }];
  const width = Math.max(...rows.map(({ name }) => name.length));
  const line = ({ name, bytes }: (typeof rows)[number]) =>
    `  ${name.padEnd(width)}  ${Math.round(bytes / 1e6)
      .toLocaleString('en-US')
      .padStart(9)} MB`;
  return [
    `GPU memory, with prompts of up to ${prompt} tokens:`,
    ...rows.map(line),
    `  largest buffer: ${estimate.largest.name}, ${gigabytes(estimate.largest.bytes)} of ${gigabytes(limits.buffer)}; ${gigabytes(limits.total)} may be used in all`,
  ].join('\n');
}
