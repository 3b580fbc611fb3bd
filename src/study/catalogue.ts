/** The studies whose results come with the page, under `studies/NAME.json`. A test holds this list to the files. */
export const packedStudies: readonly string[] = [
  'single-versus-network',
  'baselines',
  'lookup',
  'specialisation',
  'edits',
  'credit',
  'new-nodes',
  'topologies',
  'parameters',
  'growth',
];

/** Where one is, relative to the folder that `models/` is in. */
export const studyPath = (name: string): string => `studies/${name}.json`;
