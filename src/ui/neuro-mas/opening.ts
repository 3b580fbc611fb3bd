/** What an element begins with: a link in the page's address, its attributes, or the default run. */
import { presets } from '../../presets.ts';
import { parseHidden, type Hideable } from '../../session/hidden.ts';
import { readKeys, type Keys } from '../../session/keys.ts';
import { isLink, readLink } from '../../session/link.ts';
import { parseSpec, type RunSpec } from '../../spec.ts';
import type { Pace } from '../play-bar/play-bar.ts';
import { THEMES, type Theme } from './theme-controller.ts';
import { specOf, type RunAttributes } from './view.ts';

export interface Opening {
  spec: RunSpec;
  /** A link or an attribute said what to run: the machine's speed is no reason to change it. */
  chosen: boolean;
  pace: Pace | null;
  /** A problem somebody typed. */
  typed: string;
  /** The node that is open. */
  node: string | null;
  /** Nodes that nobody hears. */
  blanked: readonly string[];
  /** The step a recording is shown at. */
  step: number;
  /** Parts of the page that are left out. */
  hidden: readonly Hideable[];
  /** Light or dark, where the address says so. */
  theme: Theme | null;
  /** The name or address of a recording to show instead, or null. */
  recording: string | null;
  /** The name of a study to open over it, or null. */
  study: string | null;
  /** The address of a trained network to begin with, or null. */
  bundle: string | null;
  /** Why the link or the attributes were not used, or null. */
  bad: string | null;
}

/** What is read besides what to run. */
export interface OpeningAttributes extends RunAttributes {
  recording: string | null;
  bundle: string | null;
  hide: string | null;
}

/** Never rejects: what cannot be run is said in `bad`. `hash` is empty where links are not read. */
export async function openingOf(hash: string, given: OpeningAttributes): Promise<Opening> {
  const keys = isLink(hash) ? null : readKeys(hash);
  const { recording, bundle, hide, ...attributes } = keys ? attributesOf(keys) : given;
  const chosen = Object.values(attributes).some((value) => value !== null);
  const plain = {
    ...{ pace: null, typed: '', node: null, blanked: [], step: 0 },
    ...{ bad: null, hidden: [], theme: null, recording: null, bundle: null, study: null },
  };
  try {
    if (isLink(hash)) {
      const { spec, view } = await readLink(hash);
      return {
        ...plain,
        spec,
        chosen: true,
        pace: view.pace ?? null,
        typed: view.problem ?? '',
        node: view.node ?? null,
        blanked: view.blank ?? [],
        hidden: view.hide ?? [],
      };
    }
    return {
      ...plain,
      ...(keys && viewOf(keys)),
      spec: specOf(attributes, 'arithmetic-2-1'),
      chosen: chosen || bundle !== null,
      hidden: hide === null ? [] : parseHidden(hide),
      theme: keys?.theme === undefined ? null : parseTheme(keys.theme),
      study: keys?.study ?? null,
      recording,
      bundle,
    };
  } catch (error) {
    const bad = error instanceof Error ? error.message : String(error);
    return { ...plain, spec: parseSpec(presets['arithmetic-2-1'].spec), chosen: false, bad };
  }
}

/** What is on view, where plain keys say so. */
function viewOf({ pace, problem, node, blank, step }: Keys): Partial<Opening> {
  const known = PACES.find((name) => name === pace);
  if (pace !== undefined && !known) {
    throw new RangeError(`there is no pace "${pace.slice(0, 40)}"; there are ${PACES.join(', ')}`);
  }
  return {
    ...(known && { pace: known }),
    typed: problem?.slice(0, 200) ?? '',
    node: node ?? null,
    blanked: blank?.split(/[ ,+]+/).filter(Boolean) ?? [],
    step: Math.max(0, Number(step) || 0),
  };
}

const PACES: readonly Pace[] = ['readable', 'quick', 'full'];

function parseTheme(text: string): Theme {
  const theme = THEMES.find((name) => name === text);
  if (!theme) throw new RangeError(`there is no theme "${text.slice(0, 40)}"; there are ${THEMES.join(', ')}`);
  return theme;
}

/** As the element reads its attributes. */
function attributesOf({ preset, task, level, layers, seed, recording, bundle, hide }: Keys): OpeningAttributes {
  const number = (text: string | undefined): number | null => (text === undefined ? null : Number(text));
  return {
    preset: preset ?? null,
    task: task ?? null,
    level: number(level),
    layers: layers ?? null,
    seed: number(seed),
    recording: recording ?? null,
    bundle: bundle ?? null,
    hide: hide ?? null,
  };
}
