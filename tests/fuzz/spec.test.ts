/** What a link, a file or an option says about a run. */
import { deflateRawSync } from 'node:zlib';
import { expect } from 'vitest';
import { editOf } from '../../src/graph/grow.ts';
import { planGraph } from '../../src/graph/plan.ts';
import { presets } from '../../src/presets.ts';
import { LinkError, readLink, type Link } from '../../src/session/link.ts';
import { parseSpec, setPath, SpecError, type RunSpec, type RunSpecInput } from '../../src/spec.ts';
import { visible } from '../../src/tasks/data/error.ts';
import { taskNamed } from '../../src/tasks/index.ts';
import { fuzz, must } from './harness.ts';
import {
  jsonText,
  mutateBytes,
  mutated,
  mutateJson,
  mutateJsonText,
  mutateText,
  type Draw,
  type Json,
} from './mutations.ts';

const specs = [
  ...Object.values(presets).map(({ spec }) => parseSpec(spec)),
  parseSpec({
    graph: {
      layers: [2, 1],
      edges: [
        ['1.0', '2.0'],
        ['1.1', '2.0'],
      ],
      keys: [1, 2, 3],
    },
    credit: { method: 'counterfactual', replays: 4 },
    curriculum: { to: 4 },
    growth: {
      schedule: [
        { when: 'stall', do: 'add-node', layer: 1 },
        { when: 'step', at: 5, do: 'try' },
      ],
    },
    guard: {},
  }),
] as unknown as Json[];

/** A specification that was accepted can be planned, carried as JSON, and read again as the same. */
function sound(spec: RunSpec): void {
  // As text, where 0 and −0 are the same.
  expect(JSON.stringify(parseSpec(JSON.parse(JSON.stringify(spec))))).toEqual(JSON.stringify(spec));
  const { nodes } = planGraph(spec.graph);
  must(nodes.length > 0 && nodes.length <= 256, `${nodes.length} nodes`);
  must(
    taskNamed(spec.task.name).levels.some(({ level }) => level === spec.task.level),
    'a level that exists',
  );
  for (const rule of spec.growth?.schedule ?? []) editOf(rule);
}

/** What is no JSON is said as the command line says it: in the words of the language, all characters visible. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(visible((error as Error).message), { cause: error });
  }
}

fuzz<string>({
  name: 'specifications',
  inputs: mutated(specs, (base, draws, story) =>
    jsonText(mutateJson(base, draws, story)).replace(/\b(NaN|-?1e999)\b/g, '1e999'),
  ),
  read: (text) => parseSpec(parsed(text)),
  errors: [SpecError, SyntaxError],
  holds: sound,
  size: (text) => text.length,
  share: 2,
});

const PATHS = [
  'training.samples',
  'graph.layers',
  'seed',
  'model',
  'sampling.topP',
  'growth.schedule',
  'credit.replays',
];
const VALUES = ['8', '2-1', '4,2,1', 'small', '0.5', '[]', '{"a":1}', 'null'];

fuzz<[path: string, value: string]>({
  name: '--set PATH=VALUE',
  inputs: mutated(PATHS, (path, draws, story) => {
    const [first, ...rest] = draws as [Draw, ...Draw[]];
    const changed = first[0] % 2 === 0 ? mutateText(path, first, story) : path;
    const value = rest.reduce(
      (text, draw) => mutateText(text, draw, story),
      VALUES[first[3] % VALUES.length] as string,
    );
    return [changed, value] as [string, string];
  }),
  read: ([path, value]) => parseSpec(setPath(specs[0] as RunSpecInput, path, value)),
  errors: [SpecError],
  holds: sound,
  size: ([path, value]) => path.length + value.length,
});

const pack = (json: string): string => `r1.${deflateRawSync(json).toString('base64url')}`;
const links = specs.map((spec) => ({ spec, view: { pace: 'full', problem: '(1+2)*3' } }));
const readsLinks = {
  read: readLink,
  errors: [LinkError],
  holds: ({ spec, view }: Link) => {
    sound(spec);
    must((view.problem ?? '').length <= 200, 'a problem of at most 200 characters');
  },
  size: (hash: string) => hash.length,
};

fuzz<string>({
  name: 'links, what they hold',
  ...readsLinks,
  inputs: mutated(links, (base, draws, story) => pack(mutateJsonText(base, draws, story))),
});

fuzz<string>({
  name: 'links, bytes and characters',
  ...readsLinks,
  inputs: mutated(
    links.map((link) => pack(jsonText(link))),
    (base, draws, story, other) => {
      const [first] = draws as [Draw];
      if (first[0] % 2 === 0) return draws.reduce((text, draw) => mutateText(text, draw, story, other), base);
      const packed = new Uint8Array(Buffer.from(base.slice(3), 'base64url'));
      const changed = draws.reduce((bytes, draw) => mutateBytes(bytes, draw, story), packed);
      return `r1.${Buffer.from(changed).toString('base64url')}`;
    },
  ),
});

fuzz<string>({
  name: 'links that unpack to very much',
  ...readsLinks,
  inputs: mutated(
    [jsonText(links[0] as Json)],
    (base, draws, story) => {
      const [[kind, at, a]] = draws as [Draw];
      const filler = ['a', ' ', '[', '{"a":', '\u0000', '"__proto__":'][kind % 6] as string;
      const times = a % 3_000_000;
      story.push(`${filler} × ${times} at ${at % base.length}`);
      return pack(base.slice(0, at % base.length) + filler.repeat(times) + base.slice(at % base.length));
    },
    1,
  ),
  share: 0.01,
});
