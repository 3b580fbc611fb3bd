/** One node against a network, and every honest rival of the network in one table. */
import type { RunSpecInput } from '../spec.ts';
import type { Task } from '../tasks/task.ts';
import type { Arm, Size, Study } from './study.ts';

const TOKENS = 8;
const NODES = 3;
const task = { name: 'arithmetic', level: 3 } as const;

const network: RunSpecInput = { task, graph: { layers: [2, 1] } };
const single: RunSpecInput = { task, graph: { layers: [1] } };

const networkArm: Arm = { name: 'network', label: 'network 2-1', spec: network };
const untrainedArm: Arm = {
  name: 'untrained',
  label: 'network 2-1, untrained',
  spec: { ...network, training: { steps: 0 } },
};
const singleArm: Arm = { name: 'single', label: `one node, ${TOKENS} tokens`, spec: single };
const budgetArm: Arm = {
  name: 'single-budget',
  label: `one node, ${TOKENS * NODES} tokens`,
  spec: { ...single, sampling: { maxNewTokens: TOKENS * NODES } },
};

export const singleVersusNetwork: Study = {
  name: 'single-versus-network',
  title: 'One node versus a network',
  question:
    'Does a trained network of three nodes do what one node cannot? The rivals have the same message limit, and the whole network’s token budget in one message.',
  size: { seeds: 5, steps: 100, problems: 32, samples: 16, heldOut: 500 },
  arms: () => [networkArm, singleArm, untrainedArm, budgetArm],
  comparisons: [
    ['network', 'untrained', 'what training brings'],
    ['network', 'single', 'the network against one node with the same message limit'],
    ['network', 'single-budget', 'the network against one node with the whole token budget'],
  ],
};

/** 1 for an answer that might be one, right or wrong: what training the form alone can do. */
export const formatOnly = (inner: Task): Task => ({
  ...inner,
  reward(problem, message) {
    const judged = inner.reward(problem, message);
    const valid =
      judged.wrote !== null && judged.wrote.length === problem.answer.length && /^[\da-z]+$/.test(judged.wrote);
    return { ...judged, reward: valid ? 1 : 0 };
  },
});

export const baselines: Study = {
  name: 'baselines',
  title: 'Baselines at matched cost',
  question:
    'How does the trained network compare with everything else one could do with as many calls, tokens or parameters?',
  size: { seeds: 5, steps: 100, problems: 32, samples: 16, heldOut: 500 },
  arms: (_: Size) => [
    networkArm,
    singleArm,
    untrainedArm,
    budgetArm,
    { name: 'vote', label: `majority of ${NODES} samples of the one node`, spec: single, votes: NODES },
    {
      name: 'vote-independent',
      label: `majority of ${NODES} nodes trained apart`,
      spec: single,
      members: NODES,
    },
    {
      name: 'refine',
      label: 'one node called three times, reading its own message',
      spec: { ...single, graph: { layers: [1, 1, 1] }, lora: { shared: true } },
    },
    {
      name: 'debate',
      label: 'debate 2-2-1, untrained',
      spec: { ...network, graph: { layers: [2, 2, 1] }, training: { steps: 0 } },
    },
    { name: 'shared', label: 'network 2-1, one adapter for all', spec: { ...network, lora: { shared: true } } },
    { name: 'format', label: 'network 2-1, rewarded for form only', spec: network, reward: formatOnly },
    {
      name: 'single-parameters',
      label: `one node, rank 24 (the network's parameters)`,
      spec: { ...single, lora: { rank: 8 * NODES, alpha: 16 * NODES } },
    },
  ],
  comparisons: [
    ['network', 'single', 'against one node with the same message limit'],
    ['network', 'single-budget', 'against one node with the whole token budget'],
    ['network', 'single-parameters', 'against one node with as many trained parameters'],
    ['network', 'vote', 'against as many independent calls'],
    ['network', 'vote-independent', 'against as many nodes that never meet'],
    ['network', 'refine', 'against as many calls of one node on its own message'],
    ['network', 'shared', 'what separate adapters bring'],
    ['network', 'format', 'what the right answer, not just its form, brings'],
  ],
};
