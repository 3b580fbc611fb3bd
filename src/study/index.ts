import { baselines, singleVersusNetwork } from './baselines.ts';
import { growth, newNodes } from './growing.ts';
import type { Study } from './study.ts';

/** All studies, by name. */
export const studies: ReadonlyMap<string, Study> = new Map(
  [singleVersusNetwork, baselines, growth, newNodes].map((study) => [study.name, study]),
);
