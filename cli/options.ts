import { readFile } from 'node:fs/promises';
import { InvalidArgumentError, Option } from 'commander';
import { presetNamed, presets } from '../src/presets.ts';
import { BUILT_IN_MODELS, parseSpec, setPath, type RunSpec, type RunSpecInput } from '../src/spec.ts';
import { MATCHES } from '../src/tasks/data/match.ts';
import { ADAPTER_CHOICES, type AdapterChoice } from './adapter.ts';
import { withData, type DataOptions } from './data.ts';
import { about, InputError } from './errors.ts';
import { withReward, type RewardOptions } from './reward.ts';

/** A commander parser of whole numbers from `min` to `max`. */
export function whole(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** A commander parser of an amount of memory. */
export function gigabytesOf(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0.1 && value <= 1000)) {
    throw new InvalidArgumentError('It must be a number of GB from 0.1 to 1000.');
  }
  return value;
}

/** For runs that are judged by a function of their user's. */
export const trustOption = () =>
  new Option('--trust-reward', 'run the reward function that the specification or the run brings');

export const adapterOption = () =>
  new Option('--adapter <which>', 'GPU to compute on: hardware or nothing, or Chromium’s SwiftShader')
    .choices(ADAPTER_CHOICES)
    .default('auto' satisfies AdapterChoice);

/** Bits that a weight of a Hugging Face model is kept in. */
export type Bits = NonNullable<RunSpec['bits']>;

export const modelOption = (which: string) =>
  new Option(
    '--model <model>',
    `${BUILT_IN_MODELS.join(', ')}, a folder, an address, or owner/name on huggingface.co (default: ${which})`,
  );

export const bitsOption = () =>
  new Option('--bits <n>', 'bits that a weight of a Hugging Face model is kept in (default: 4)')
    .choices(['4', '8', '16'])
    .argParser((text): Bits => {
      if (text === '4' || text === '8' || text === '16') return Number(text) as Bits;
      throw new InvalidArgumentError('It must be 4, 8 or 16.');
    });

/** How the answers of `--data` are matched. */
export const matchOption = () =>
  new Option(
    '--match <how>',
    'when an answer to --data is right (default: choice where all have options, else exact)',
  ).choices(MATCHES);

export interface SpecOptions extends RewardOptions, DataOptions {
  model?: string;
  bits?: Bits;
  preset?: string;
  spec?: string;
  set: string[];
  steps?: number;
  seed?: number;
}

export const DEFAULT_PRESET = 'arithmetic-2-1';

/** The specification of `--preset` or `--spec`, with all that changes it in place. */
export async function specFrom(options: SpecOptions): Promise<RunSpec> {
  if (options.preset !== undefined && options.spec !== undefined) {
    throw new InputError('--preset and --spec exclude each other; give one');
  }
  const input =
    options.spec === undefined ? fromPreset(options.preset ?? DEFAULT_PRESET) : await fromFile(options.spec);
  return withSettings(await withData(await withReward(input, options), options), options);
}

/** A specification with `--model` and `--bits`, every `--set path=value`, then `--steps` and `--seed`, in place. Throws a SpecError. */
export function withSettings(input: RunSpecInput, options: Omit<SpecOptions, 'preset' | 'spec'>): RunSpec {
  const { model, bits } = options;
  let spec: RunSpecInput = { ...input, ...(model !== undefined && { model }), ...(bits !== undefined && { bits }) };
  for (const setting of options.set) {
    const at = setting.indexOf('=');
    if (at < 1) throw new InputError(`--set ${setting}: write path=value, for example training.learningRate=0.002`);
    spec = setPath(spec, setting.slice(0, at), setting.slice(at + 1));
  }
  if (options.steps !== undefined) spec = setPath(spec, 'training.steps', String(options.steps));
  if (options.seed !== undefined) spec = setPath(spec, 'seed', String(options.seed));
  return parseSpec(spec);
}

function fromPreset(name: string): RunSpecInput {
  const preset = presetNamed(name);
  if (!preset)
    throw new InputError(`--preset ${name}: there is no such preset; there are ${Object.keys(presets).join(', ')}`);
  return preset.spec;
}

async function fromFile(file: string): Promise<RunSpecInput> {
  return about(file, async () => {
    const spec: unknown = JSON.parse(await readFile(file, 'utf8'));
    // Checked alone, so that an error names the file and not a setting.
    parseSpec(spec);
    return spec as RunSpecInput;
  });
}
