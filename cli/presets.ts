import { presetNamed, presets } from '../src/presets.ts';
import { parseSpec } from '../src/spec.ts';
import { InputError } from './errors.ts';
import { table } from './text.ts';

/** `presets`: a line for each, or the whole specification of one. */
export function presetsCommand(name: string | undefined): void {
  if (name === undefined) {
    console.log(table(Object.entries(presets).map(([key, { title, lookFor }]) => [key, `${title}. ${lookFor}`])));
    return;
  }
  const preset = presetNamed(name);
  if (!preset) throw new InputError(`there is no preset ${name}; there are ${Object.keys(presets).join(', ')}`);
  console.log(JSON.stringify(parseSpec(preset.spec), null, 2));
}
