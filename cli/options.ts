import { readFile } from 'node:fs/promises';
import { InvalidArgumentError, Option } from 'commander';
import { presetNamed, presets } from '../src/presets.ts';
import { parseSpec, setPath, type RunSpec, type RunSpecInput } from '../src/spec.ts';
import { ADAPTER_CHOICES, type AdapterChoice } from './adapter.ts';
import { about, InputError } from './errors.ts';

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

export const adapterOption = () =>
  new Option('--adapter <which>', 'GPU to compute on: hardware or nothing, or Chromium’s SwiftShader')
    .choices(ADAPTER_CHOICES)
    .default('auto' satisfies AdapterChoice);

export interface SpecOptions {
  preset?: string;
  spec?: string;
  set: string[];
  steps?: number;
}

export const DEFAULT_PRESET = 'arithmetic-2-1';

/** The specification of `--preset` or `--spec`, with every `--set` and `--steps` in place. */
export async function specFrom(options: SpecOptions): Promise<RunSpec> {
  if (options.preset !== undefined && options.spec !== undefined) {
    throw new InputError('--preset and --spec exclude each other; give one');
  }
  const input =
    options.spec === undefined ? fromPreset(options.preset ?? DEFAULT_PRESET) : await fromFile(options.spec);
  return withSettings(input, options);
}

/** A specification with every `--set path=value`, then `--steps`, in place. Throws a SpecError. */
export function withSettings(input: RunSpecInput, options: Pick<SpecOptions, 'set' | 'steps'>): RunSpec {
  let spec = input;
  for (const setting of options.set) {
    const at = setting.indexOf('=');
    if (at < 1) throw new InputError(`--set ${setting}: write path=value, for example training.learningRate=0.002`);
    spec = setPath(spec, setting.slice(0, at), setting.slice(at + 1));
  }
  if (options.steps !== undefined) spec = setPath(spec, 'training.steps', String(options.steps));
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
