/** The recordings that come with the page, under `recordings/NAME.recording.zip`. A test holds this list to the files. */
export interface Listed {
  /** A few words for a menu. */
  title: string;
  /** One sentence for the page: what to look for. */
  lookFor: string;
  /** Of the file. */
  bytes: number;
  /** Names of presets that it can stand for where nothing can be trained. */
  presets: readonly string[];
}

export const recordings = {
  'arithmetic-2-1-small': {
    title: 'Three nodes learn nested arithmetic',
    lookFor:
      'Watch two readers divide the brackets between them: 23 % of the answers are right at first, all at the end.',
    bytes: 22_162,
    presets: ['arithmetic-2-1', 'arithmetic-2-1-small'],
  },
  'lookup-1-1': {
    title: 'Two nodes follow three arrows',
    lookFor:
      'One node can follow two arrows at most. The first learns to note where the first leads, the last goes on: 14 % are right at first, all at the end.',
    bytes: 14_932,
    presets: ['lookup-1-1'],
  },
  'signal-2-1': {
    title: 'Three nodes invent a code',
    lookFor:
      'The last node must name a letter that only the first two see, and only digits reach it. They agree on a sign for each: no letter is named at first, all at the end.',
    bytes: 40_735,
    presets: ['signal-2-1'],
  },
  'grown-1-1': {
    title: 'Two nodes get stuck, a third helps',
    lookFor:
      'A chain of two learns nothing in 40 steps. Then a third node is added, unheard at first, and 81 % become right.',
    bytes: 24_416,
    presets: [],
  },
  'grown-4-2-1': {
    title: 'Grown to seven nodes, for seven operations',
    lookFor:
      'Four nodes learn four operations; each harder kind brings a node, until each first node has a bracket of its own: of 50 problems with seven operations all are right.',
    bytes: 92_695,
    presets: ['arithmetic-seven'],
  },
} satisfies Record<string, Listed>;

export type RecordingName = keyof typeof recordings;

/** The recording of a name, or undefined. */
export const recordingNamed = (name: string): Listed | undefined =>
  Object.hasOwn(recordings, name) ? recordings[name as RecordingName] : undefined;

/** The name of a recording that can stand for a preset, or null. */
export const recordingFor = (preset: string): string | null =>
  Object.entries<Listed>(recordings).find(([, { presets }]) => presets.includes(preset))?.[0] ?? null;

/** Where it is, relative to the folder that `models/` is in. */
export const recordingPath = (name: string): string => `recordings/${name}.recording.zip`;
