/** Texts of models, readers and strangers: prompts, answers, a terminal, the page, messages of other windows. */
import { expect } from 'vitest';
import { printable } from '../../cli/text.ts';
import { originOf, readHeight } from '../../src/embed/height.ts';
import { planGraph } from '../../src/graph/plan.ts';
import { compactPrompt } from '../../src/graph/prompt.ts';
import { AddressError, readAddress } from '../../src/nodes/gate.ts';
import { taskNamed, tasks } from '../../src/tasks/index.ts';
import { Random } from '../../src/random.ts';
import { shown } from '../../src/ui/theme/words.ts';
import { fuzz, must } from './harness.ts';
import { jsonText, mutated, mutateJson, mutateText, type Json } from './mutations.ts';

const TEXTS = [
  '3+4=7',
  '14',
  'the answer is (B)',
  'T & (F | T)',
  'b a d c',
  '',
  'x'.repeat(20_000),
  '\u202e\u0000\n<b>',
];
const texts = mutated(TEXTS, (base, draws, story, other) =>
  draws.reduce((text, draw) => mutateText(text, draw, story, other), base),
);
const own = { inputs: texts, size: (text: string) => text.length };

const plan = planGraph({ layers: [2, 1], hears: 'previous' });

fuzz<string>({
  name: 'prompts',
  ...own,
  read: (text) => compactPrompt(plan, plan.nodes[2] as never, text, [text, '1']),
  errors: [],
  // A message cannot pass for another line of the prompt.
  holds: (prompt: string) => expect(prompt.split(/[\r\n\u0085\u2028\u2029]/)).toHaveLength(4),
});

fuzz<string>({
  name: 'answers of models, judged by every task',
  ...own,
  read: (text) =>
    [...tasks.keys()].flatMap((name) => {
      const task = taskNamed(name);
      const { level } = task.levels[text.length % task.levels.length] as { level: number };
      return task.reward(task.sample(new Random(text.length), level), text).reward;
    }),
  errors: [],
  holds: (rewards: number[]) =>
    must(
      rewards.every((reward) => reward >= 0 && reward <= 1),
      `rewards of ${rewards.join()}`,
    ),
  share: 0.5,
});

fuzz<string>({
  name: 'a terminal',
  ...own,
  read: printable,
  errors: [],
  holds: (line: string) => expect(line).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u),
});

fuzz<string>({
  name: 'the page',
  ...own,
  read: (text) => shown(text, 100),
  errors: [],
  holds: (text: string, input) => {
    const inner = text.replace(/^\u2068([^]*)\u2069(…|$)/, '$1$2');
    must(
      !/[\p{Cc}\p{Bidi_Control}\u200b-\u200d\u2028\u2029\u2060-\u2064\ufeff]|\p{M}{5}/u.test(inner),
      'only what is seen',
    );
    must(!/\p{Surrogate}/u.test(text), 'no halves of characters');
    must(text.length <= 140, `${text.length} characters of ${input.length}`);
  },
});

const MESSAGES: Json[] = [
  { type: 'neuromas:height', height: 400 },
  { type: 'neuromas:ask' },
  'neuromas:height',
  null,
  [400],
];

fuzz<unknown>({
  name: 'messages of other windows',
  inputs: mutated(MESSAGES, (base, draws, story) => {
    try {
      return JSON.parse(jsonText(mutateJson(base, draws, story))) as unknown;
    } catch {
      return Number.NaN;
    }
  }),
  read: readHeight,
  errors: [],
  holds: (height: number | null) => must(height === null || (height >= 100 && height <= 4000), `a height of ${height}`),
  size: () => 100,
});

const ADDRESSES = [
  'https://a.example/embed.html?x',
  'http://localhost:8000/v1',
  'about:blank',
  'models/nano',
  'https://[::1]:1/',
];

fuzz<string>({
  name: 'addresses of frames, models and endpoints',
  ...own,
  inputs: mutated(ADDRESSES, (base, draws, story, other) =>
    draws.reduce((text, draw) => mutateText(text, draw, story, other), base),
  ),
  read: (text) => {
    const origin = originOf(text, null);
    must(origin === null || /^https?:\/\/[^/]+$/.test(origin), `an origin, not ${origin}`);
    return readAddress(text);
  },
  errors: [AddressError],
  holds: ({ protocol, hostname, username }: URL) => {
    must(protocol === 'https:' || /^(localhost|127\.0\.0\.1)$/.test(hostname), `${protocol} ${hostname}`);
    must(username === '', 'no name');
  },
});
