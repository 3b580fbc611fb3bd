import type { RunSpecInput } from './spec.ts';

export interface Preset {
  /** A few words for a menu. */
  title: string;
  /** One sentence for the page: what to look for. */
  lookFor: string;
  spec: RunSpecInput;
}

/** Small enough to watch on a machine without a GPU: 8 problems × 8 rollouts. */
const small = {
  training: { steps: 75, problems: 8, samples: 8, learningRate: 1e-3 },
  evaluation: { problems: 100, every: 15 },
} as const;

/** Runs that are known to show something, by name. */
export const presets = {
  'arithmetic-2-1': {
    title: 'Three nodes, nested arithmetic',
    lookFor: 'Two nodes read the problem and one reads their messages: watch the two divide the brackets between them.',
    spec: {
      model: 'nano',
      task: { name: 'arithmetic', level: 3 },
      graph: { layers: [2, 1] },
      training: { steps: 100, problems: 32, samples: 16, learningRate: 1e-3 },
    },
  },
  'arithmetic-2-1-small': {
    title: 'Three nodes, nested arithmetic, small steps',
    lookFor:
      'Two nodes read the problem and one reads their messages: watch the two divide the brackets. Short steps, for a machine without a graphics card.',
    spec: {
      model: 'nano',
      task: { name: 'arithmetic', level: 3 },
      graph: { layers: [2, 1] },
      ...small,
    },
  },
  'boolean-2-1': {
    title: 'Three nodes, boolean logic',
    lookFor: 'There are only two answers, so guessing looks good: watch the accuracy leave the line of chance.',
    spec: {
      model: 'nano',
      task: { name: 'boolean', level: 3 },
      graph: { layers: [2, 1] },
      training: { steps: 100, problems: 32, samples: 16, learningRate: 1e-3 },
    },
  },
  'sort-2-1': {
    title: 'Three nodes, sorting digits',
    lookFor:
      'Eight characters are too few for the notes it was taught, so almost nothing is right at first: watch it find a shorter way to write.',
    spec: {
      model: 'nano',
      task: { name: 'sort', level: 4 },
      graph: { layers: [2, 1] },
      training: { steps: 100, problems: 32, samples: 16, learningRate: 1e-3 },
    },
  },
  'lookup-1-1': {
    title: 'Two nodes, following arrows',
    lookFor:
      'Three steps are one too many for one node. Watch the first learn to note where the first arrow leads, and the last to go on from there.',
    spec: {
      model: 'nano-lookup',
      task: { name: 'lookup', level: 3 },
      graph: { layers: [1, 1] },
      ...small,
    },
  },
  'signal-2-1': {
    title: 'Three nodes invent a code',
    lookFor:
      'The last node must name a letter that it never sees, and only digits reach it. Watch the first two agree with it on a sign for each letter.',
    spec: {
      model: 'nano',
      task: { name: 'signal', level: 3 },
      graph: { layers: [2, 1] },
      // With smaller steps, or without the bonus for undecidedness, fewer letters are named in as many steps (docs/log.md).
      training: { steps: 300, problems: 16, samples: 16, learningRate: 2e-3, entropyBeta: 0.01, retry: 0.3 },
      evaluation: { problems: 80, every: 25 },
    },
  },
  'arithmetic-grown': {
    title: 'A network that grows',
    lookFor:
      'One node begins with the easiest problems. Each time it has learned a level, nodes are added and the problems get harder: watch what the new ones do to the old skill.',
    spec: {
      model: 'nano',
      task: { name: 'arithmetic', level: 1 },
      graph: { layers: [1], hears: 'all' },
      curriculum: { to: 4 },
      growth: {
        start: 'silent',
        schedule: [
          { when: 'level', at: 1, do: 'add-layer', layer: 1, width: 2 },
          { when: 'level', at: 3, do: 'add-layer', layer: 1 },
        ],
      },
      training: { steps: 200, problems: 16, samples: 16, learningRate: 1e-3 },
      evaluation: { problems: 100, every: 15 },
    },
  },
  'arithmetic-seven': {
    title: 'Seven nodes for seven operations',
    lookFor:
      'Four nodes learn problems of four operations; each harder kind brings a node. Watch every first node find a bracket of its own. Some half an hour without a graphics card.',
    spec: {
      model: 'nano',
      task: { name: 'arithmetic', level: 4 },
      graph: { layers: [1, 2, 1], hears: 'all' },
      credit: { method: 'solo', share: 0.8, bold: {} },
      curriculum: { to: 7, pass: 0.85, revisit: 0.4 },
      guard: { patience: 150 },
      growth: {
        start: 'silent',
        floor: 0.5,
        schedule: [
          { when: 'begin', at: 5, do: 'add-node', layer: 1 },
          { when: 'begin', at: 6, do: 'add-node', layer: 1 },
          { when: 'begin', at: 7, do: 'add-node', layer: 1 },
        ],
      },
      training: { steps: 800, problems: 48, samples: 16, learningRate: 1e-3, cooldown: 0.15, retry: 0.5 },
      evaluation: { problems: 50, every: 25 },
      checkpoints: { every: 25 },
    },
  },
  single: {
    title: 'One node alone',
    lookFor: 'The control: the same problems and the same eight characters, but nobody to share the work with.',
    spec: {
      model: 'nano',
      task: { name: 'arithmetic', level: 3 },
      graph: { layers: [1] },
      training: { steps: 100, problems: 32, samples: 16, learningRate: 1e-3 },
    },
  },
  'single-long': {
    title: 'One node with room to think',
    lookFor: 'The honest rival: one node may write thirty characters, enough to note each step; it learns, but later.',
    spec: {
      model: 'nano',
      task: { name: 'arithmetic', level: 3 },
      graph: { layers: [1] },
      sampling: { maxNewTokens: 30 },
      training: { steps: 200, problems: 32, samples: 16, learningRate: 1e-3 },
    },
  },
} satisfies Record<string, Preset>;

export type PresetName = keyof typeof presets;

/** The preset of a name, or undefined. */
export const presetNamed = (name: string): Preset | undefined =>
  Object.hasOwn(presets, name) ? presets[name as PresetName] : undefined;
