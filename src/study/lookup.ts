/** The claims on a second task, whose parts come one after the other instead of side by side. */
import { presets } from '../presets.ts';
import type { RunSpecInput } from '../spec.ts';
import type { Arm, Study } from './study.ts';

const TOKENS = 8;
const { model } = presets['lookup-1-1'].spec;

/** `nodes` in a chain, each of which hears all before it, on a way of so many steps. */
const chain = (nodes: number, level: number, maxNewTokens = TOKENS): RunSpecInput => ({
  model,
  task: { name: 'lookup', level },
  graph: { layers: Array.from({ length: nodes }, () => 1), hears: 'all' },
  sampling: { maxNewTokens },
});

const arm = (name: string, label: string, spec: RunSpecInput): Arm => ({ name, label, spec });

export const lookup: Study = {
  name: 'lookup',
  title: 'Following arrows: one node or a chain',
  question:
    'Arrows can only be followed one after the other, so nobody can do a part of it beside somebody else. Do nodes in a chain take the steps in turn? The base can look up one step. Three steps with two nodes, each with its adapter or both with the same, and with one node of the same message limit, or of the network’s whole token budget, or of its parameters as well; four steps with three nodes, with two, and with one of three nodes’ budget.',
  size: { seeds: 5, steps: 100, problems: 16, samples: 16, heldOut: 500 },
  arms: () => [
    arm('two', '3 steps: two nodes', chain(2, 3)),
    arm('single', `3 steps: one node, ${TOKENS} tokens`, chain(1, 3)),
    arm('single-budget', `3 steps: one node, ${TOKENS * 2} tokens`, chain(1, 3, TOKENS * 2)),
    arm('single-wide', `3 steps: one node, ${TOKENS * 2} tokens, rank 16`, {
      ...chain(1, 3, TOKENS * 2),
      lora: { rank: 16, alpha: 32 },
    }),
    arm('shared', '3 steps: two nodes, one adapter', { ...chain(2, 3), lora: { shared: true } }),
    arm('untrained', '3 steps: two nodes, untrained', { ...chain(2, 3), training: { steps: 0 } }),
    arm('three-far', '4 steps: three nodes', chain(3, 4)),
    arm('two-far', '4 steps: two nodes', chain(2, 4)),
    arm('single-budget-far', `4 steps: one node, ${TOKENS * 3} tokens`, chain(1, 4, TOKENS * 3)),
    arm('untrained-far', '4 steps: three nodes, untrained', { ...chain(3, 4), training: { steps: 0 } }),
  ],
  comparisons: [
    ['two', 'untrained', 'what training brings, 3 steps'],
    ['two', 'single', 'two nodes against one with the same message limit, 3 steps'],
    ['two', 'single-budget', 'two nodes against one with the whole token budget, 3 steps'],
    ['two', 'single-wide', 'two nodes against one with as many tokens and parameters, 3 steps'],
    ['two', 'shared', 'an adapter for each node, 3 steps'],
    ['three-far', 'two-far', 'three nodes against two, 4 steps'],
    ['three-far', 'single-budget-far', 'three nodes against one with the whole token budget, 4 steps'],
  ],
};
