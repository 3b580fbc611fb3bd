/**
 * The reference engine's steps with its products in plain loops and in WebAssembly, turn by turn in one run, so that other
 * work on the machine hits both. Run: node tools/dev/bundle.mjs bench/reference.ts [STEPS] [--set PATH=VALUE]… [--only NAME]
 *
 * The spec is the preset arithmetic-2-1-small; `--set` changes it as on the command line (`--set graph.layers=4-2-1`).
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { fetchFile } from '../cli/fetch-file.ts';
import { presets } from '../src/presets.ts';
import { type RunSpecInput, parseSpec, setPath } from '../src/spec.ts';
import { Trainer } from '../src/training/train.ts';
import { CharacterTokenizer } from '../workers/engine/tokenizer.ts';
import { Engine } from '../workers/engine/engine.ts';
import { loadModel } from '../workers/engine/weights/open.ts';
import { ReferenceBackend, createReferenceBackend } from '../workers/reference/index.ts';

/** The first steps compile; they are not counted. */
const WARM_UP = 2;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { set: { type: 'string', multiple: true, default: [] }, only: { type: 'string', default: '' } },
});
const steps = Number(positionals[0] ?? 10);

const spec = parseSpec(
  values.set.reduce<RunSpecInput>((changed, change) => {
    const [path, ...value] = change.split('=');
    return setPath(changed, path!, value.join('='));
  }, presets['arithmetic-2-1-small'].spec),
);
const weights = await loadModel('public/models/nano', { fetch: fetchFile });
interface Rival {
  name: string;
  trainer: Trainer;
  /** Seconds of each step. */
  wall: number[];
  cpu: number[];
  /** Mean seconds of each part of a step. */
  parts: Map<string, number>;
}

const rivals: Rival[] = [];
for (const backend of [new ReferenceBackend(weights), await createReferenceBackend(weights)]) {
  const name = backend.adapter.description;
  if (!name.toLowerCase().includes(values.only.toLowerCase())) continue;
  const engine = new Engine(weights.config, backend, new CharacterTokenizer(weights.config.bosId), weights.bytes);
  const trainer = await Trainer.create({ spec, engine });
  rivals.push({ name, trainer, wall: [], cpu: [], parts: new Map() });
}

for (let step = 0; step < WARM_UP + steps; step++) {
  for (const { trainer, wall, cpu, parts } of rivals) {
    const [start, used] = [performance.now(), process.cpuUsage()];
    const { seconds } = await trainer.step();
    const { user, system } = process.cpuUsage(used);
    if (step < WARM_UP) continue;
    wall.push((performance.now() - start) / 1000);
    cpu.push((user + system) / 1e6);
    for (const [part, time] of Object.entries(seconds)) parts.set(part, (parts.get(part) ?? 0) + time / steps);
  }
}

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!.toFixed(2);
console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.version}, ${steps} steps`);
for (const { name, wall, cpu, parts } of rivals) {
  console.log(`${name}: median step ${median(wall)} s, ${median(cpu)} s of processor time`);
  console.log(`  means: ${[...parts].map(([part, time]) => `${part} ${time.toFixed(2)}`).join(', ')}`);
}
