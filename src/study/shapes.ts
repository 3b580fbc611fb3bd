/** Which network: depth, width, connectivity, parameters, and a search among grown ones. */
import { editedAtLevel3, type Edit } from './growing.ts';
import { mean } from './statistics.ts';
import type { Arm, RunRecord, Size, Study } from './study.ts';

const SIZE: Size = { seeds: 5, steps: 100, problems: 32, samples: 16, heldOut: 500 };

const shaped = (layers: number[], hears: 'previous' | 'all'): Arm => ({
  name: `${layers.join('-')}-${hears}`,
  label: `${layers.join('-')}, hears ${hears}`,
  spec: { task: { name: 'arithmetic', level: 4 }, graph: { layers, hears } },
});

export const topologies: Study = {
  name: 'topologies',
  title: 'Depth, width and connectivity',
  question:
    'Four nodes, so as many calls a problem and a step, arranged as wide, deep, and between, hearing the previous layer or all earlier ones. Which learns level 4?',
  size: SIZE,
  arms: () => [
    shaped([3, 1], 'previous'),
    shaped([2, 1, 1], 'previous'),
    shaped([2, 1, 1], 'all'),
    shaped([1, 2, 1], 'previous'),
    shaped([1, 2, 1], 'all'),
    shaped([1, 1, 1, 1], 'previous'),
    shaped([1, 1, 1, 1], 'all'),
  ],
  comparisons: [
    ['2-1-1-all', '2-1-1-previous', 'hearing all earlier layers, 2-1-1'],
    ['1-2-1-all', '1-2-1-previous', 'hearing all earlier layers, 1-2-1'],
    ['1-1-1-1-all', '1-1-1-1-previous', 'hearing all earlier layers, a chain'],
    ['3-1-previous', '1-1-1-1-all', 'width against depth'],
  ],
};

const ranked = (layers: number[], rank: number, maxNewTokens = 8): Arm => ({
  name: `${layers.join('-')}-rank-${rank}${maxNewTokens === 8 ? '' : `-tokens-${maxNewTokens}`}`,
  label: `${layers.length === 1 ? 'one node' : layers.join('-')}, rank ${rank}${maxNewTokens === 8 ? '' : `, ${maxNewTokens} tokens`}`,
  spec: {
    task: { name: 'arithmetic', level: 3 },
    graph: { layers },
    lora: { rank, alpha: 2 * rank },
    sampling: { maxNewTokens },
  },
});

export const parameters: Study = {
  name: 'parameters',
  title: 'Error against trained parameters',
  question:
    'The paper claims that on hierarchical tasks a network needs fewer trained parameters than one agent. Level 3, one node of rising rank, with the network’s message limit and with its whole token budget, against networks 2-1 of rising rank.',
  size: SIZE,
  arms: () => [
    ...[1, 2, 4, 8].map((rank) => ranked([2, 1], rank)),
    ...[3, 6, 12, 24].map((rank) => ranked([1], rank)),
    ...[3, 24].map((rank) => ranked([1], rank, 24)),
  ],
  comparisons: [
    ['2-1-rank-1', '1-rank-3', 'the network at 15,360 parameters'],
    ['2-1-rank-8', '1-rank-24', 'the network at 122,880 parameters'],
    ['2-1-rank-8', '1-rank-24-tokens-24', 'the network at 122,880 parameters, and as many tokens'],
  ],
};

/** What 2-1 is grown to, by the edits that do it once it has passed level 3. */
const CANDIDATES: Readonly<Record<string, Edit[]>> = {
  '2-1': [],
  '3-1': [{ do: 'add-node', layer: 1 }],
  '1-2-1': [{ do: 'add-layer', layer: 1 }],
  '2-1-1': [{ do: 'add-layer', layer: 2 }],
  '2-2-1': [{ do: 'add-layer', layer: 1, width: 2 }],
  '4-1': [
    { do: 'add-node', layer: 1 },
    { do: 'add-node', layer: 1 },
  ],
};

function candidate(name: string, rung: number, size: Size): Arm {
  return {
    name: `${name}-rung-${rung}`,
    label: `${name}, ${size.steps * 2 ** rung} steps`,
    ...(rung > 0 && { continues: `${name}-rung-${rung - 1}` }),
    // Without what 2-1 learns on level 3, no candidate learns level 4.
    spec: { ...editedAtLevel3(CANDIDATES[name] ?? []), training: { steps: size.steps * 2 ** rung } },
  };
}

export const search: Study = {
  name: 'search',
  title: 'A search by successive halving',
  question:
    'Which network should 2-1 become for level 4, once it has passed level 3? All candidates train for some steps, the better half of them go on to twice as many, and so on until one is left (successive halving: Jamieson and Talwalkar 2016). Equal steps, not equal calls: larger networks write more.',
  size: { ...SIZE, problems: 16 },
  arms: (size) => Object.keys(CANDIDATES).map((name) => candidate(name, 0, size)),
  more: (size, runs) => {
    const arms: Arm[] = [];
    let field = Object.keys(CANDIDATES);
    for (let rung = 0; field.length > 1; rung++) {
      const scores = field.map((name) => ({ name, score: scoreOf(`${name}-rung-${rung}`, size, runs) }));
      if (scores.some(({ score }) => score === null)) break;
      field = scores
        .sort((a, b) => (b.score ?? 0) - (a.score ?? 0))
        .slice(0, Math.ceil(field.length / 2))
        .map(({ name }) => name);
      // The last one has won: more steps would not tell anything.
      if (field.length === 1) break;
      arms.push(...field.map((name) => candidate(name, rung + 1, size)));
    }
    return arms;
  },
  comparisons: [
    ['1-2-1-rung-0', '2-1-rung-0', 'a node in front'],
    ['2-1-1-rung-0', '2-1-rung-0', 'a node between'],
    ['3-1-rung-0', '2-1-rung-0', 'a node beside'],
  ],
};

/** Mean accuracy, once every seed has run. */
function scoreOf(arm: string, size: Size, runs: readonly RunRecord[]): number | null {
  const own = runs.filter((run) => run.arm === arm).map(({ accuracy }) => accuracy);
  return own.length < size.seeds ? null : mean(own);
}
