/** A study of one run, with every field that a file can have. */
import { parseSpec } from '../../src/spec.ts';
import type { StudyFile } from '../../src/study/study.ts';

export const studyFile: StudyFile = {
  version: 1,
  study: 'growth',
  date: '2026-11-28',
  size: { seeds: 2, steps: 3, problems: 2, samples: 4, heldOut: 8 },
  device: {
    engine: 'reference',
    vendor: '',
    architecture: '',
    description: 'CPU',
    backend: 'javascript',
    software: true,
    features: [],
    products: ['decode subgroups'],
    fallbackReason: 'no GPU',
  },
  model: 'nano',
  reduced: true,
  runs: [
    {
      arm: 'network',
      label: 'network 2-1',
      seed: 1,
      accuracy: 0.875,
      heldOut: 8,
      level: 3,
      task: 'arithmetic',
      untrained: NaN,
      levels: [{ level: 3, accuracy: 0.875 }],
      steps: 3,
      layers: [2, 1],
      parameters: 18_432,
      cost: { calls: 3, prompt: NaN, message: 20.5 },
      trainingCalls: 72,
      seconds: 1.5,
      curve: [
        { step: 1, reward: 0.25 },
        { step: 2, reward: 0.5, heldOut: 0.75, level: 3 },
      ],
      decisions: [{ step: 2, action: 'grow', reason: 'learning stalled', layers: [2, 1], level: 3 }],
      watched: [{ step: 0, alive: 0.5 }],
      findings: { 'blank 1.0': -0.25, 'sum stated': NaN },
      kept: { best: 0.875, step: 2, end: 0.75 },
    },
  ],
  specs: { network: parseSpec({ graph: { layers: [2, 1] } }) },
};
