/** What an element begins with: a link in the page's address, its attributes, or the default run. */
import { presets } from '../../presets.ts';
import { isLink, readLink } from '../../session/link.ts';
import { parseSpec, type RunSpec } from '../../spec.ts';
import type { Pace } from '../play-bar/play-bar.ts';
import { specOf, type RunAttributes } from './view.ts';

export interface Opening {
  spec: RunSpec;
  /** A link or an attribute said what to run: the machine's speed is no reason to change it. */
  chosen: boolean;
  pace: Pace | null;
  /** A problem somebody typed. */
  typed: string;
  /** Why the link or the attributes were not used, or null. */
  bad: string | null;
}

/** Never rejects: what cannot be run is said in `bad`. `hash` is empty where links are not read. */
export async function openingOf(hash: string, attributes: RunAttributes): Promise<Opening> {
  const chosen = Object.values(attributes).some((value) => value !== null);
  const plain = { pace: null, typed: '', bad: null };
  try {
    if (isLink(hash)) {
      const { spec, view } = await readLink(hash);
      return { ...plain, spec, chosen: true, pace: view.pace ?? null, typed: view.problem ?? '' };
    }
    return { ...plain, spec: specOf(attributes, 'arithmetic-2-1'), chosen };
  } catch (error) {
    const bad = error instanceof Error ? error.message : String(error);
    return { ...plain, spec: parseSpec(presets['arithmetic-2-1'].spec), chosen: false, bad };
  }
}
