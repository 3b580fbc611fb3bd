import { baselines, singleVersusNetwork } from './baselines.ts';
import { edits } from './edits.ts';
import { growth, newNodes } from './growing.ts';
import { credit, specialisation } from './inside.ts';
import { lookup } from './lookup.ts';
import { parameters, search, topologies } from './shapes.ts';
import type { Study } from './study.ts';

/** All studies, by name. */
export const studies: ReadonlyMap<string, Study> = new Map(
  [
    singleVersusNetwork,
    baselines,
    lookup,
    growth,
    newNodes,
    edits,
    credit,
    specialisation,
    topologies,
    parameters,
    search,
  ].map((study) => [study.name, study]),
);
