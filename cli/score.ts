import { planGraph } from '../src/graph/plan.ts';
import { BUILT_IN_MODELS } from '../src/spec.ts';
import type { AdapterChoice } from './adapter.ts';
import { adapterLine, openEngine } from './engine.ts';
import type { Bits } from './options.ts';
import { InputError } from './errors.ts';
import { loadAdapters } from './evaluate.ts';
import { writeAtomic } from './files.ts';
import { RunFolder } from './run-folder.ts';

export interface ScoreCommandOptions {
  ids: number[];
  out: string;
  adapter: AdapterChoice;
  engine: 'auto' | 'webgpu' | 'reference';
  model?: string;
  bits?: Bits;
  run?: string;
  node?: string;
}

/** `score`: logits of a base model, or of a node of a run, as f32 little-endian [positions, vocabulary]. */
export async function scoreCommand(options: ScoreCommandOptions): Promise<void> {
  const { run, node, ids, out } = options;
  if ((run === undefined) !== (node === undefined)) {
    throw new InputError('--run and --node belong together: the run’s folder, and the node in it to score with');
  }
  const folder = run === undefined ? null : new RunFolder(run);
  const spec = folder && (await folder.loadResult()).spec;
  const model = options.model ?? spec?.model;
  if (model === undefined)
    throw new InputError(`--model is missing: ${BUILT_IN_MODELS.join(', ')}, a folder or an address`);
  const nodes = spec ? planGraph(spec.graph).nodes : [];
  const found = nodes.find(({ id }) => id === node);
  if (folder && !found) {
    throw new InputError(`--node ${node}: the run has the nodes ${nodes.map(({ id }) => id).join(', ')}`);
  }

  const { engine, info } = await openEngine(
    { model, bits: options.bits ?? spec?.bits, engine: options.engine },
    options.adapter,
  );
  const { contextLength, vocabularySize } = info.model;
  if (ids.length > contextLength) {
    throw new InputError(`--ids: ${ids.length} ids; ${info.model.name} reads at most ${contextLength}`);
  }
  const unknown = ids.find((id) => id >= vocabularySize);
  if (unknown !== undefined) {
    throw new InputError(
      `--ids: ${unknown} is not in the vocabulary of ${info.model.name}, 0 to ${vocabularySize - 1}`,
    );
  }
  if (folder && spec && found) {
    await engine.addNode({ id: found.id, key: found.key, ...spec.lora, seed: 0 });
    await loadAdapters(engine, folder, [found.id]);
  }
  const logits = await engine.score({ ids, node: found?.id ?? null });
  await writeAtomic(out, littleEndian(logits));
  console.log(
    `${out}: [${ids.length}, ${vocabularySize}] logits of ${info.model.name}, on ${adapterLine(info.adapter)}`,
  );
}

function littleEndian(values: Float32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((value, i) => view.setFloat32(4 * i, value, true));
  return new Uint8Array(view.buffer);
}
