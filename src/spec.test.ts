import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { presets } from './presets.ts';
import { allowed, parseSpec, setPath, SpecError } from './spec.ts';

const messageOf = (input: unknown): string => {
  try {
    parseSpec(input);
  } catch (error) {
    expect(error).toBeInstanceOf(SpecError);
    return (error as Error).message;
  }
  throw new Error(`accepted ${JSON.stringify(input)}`);
};

describe('parseSpec', () => {
  it('fills in the recipe', () => {
    const spec = parseSpec({});
    expect(spec.training).toEqual({
      steps: 100,
      problems: 32,
      samples: 16,
      learningRate: 1e-3,
      baseline: 'leave-one-out',
      klBeta: 0.02,
      entropyBeta: 0,
      clipNorm: 1,
    });
    expect(spec).toMatchObject({ version: 1, model: 'nano', graph: { layers: [2, 1] }, lora: { rank: 8, alpha: 16 } });
    expect(parseSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
  });

  it.each(Object.entries(presets))('accepts the preset %s', (_, preset) => {
    expect(() => parseSpec(preset.spec)).not.toThrow();
  });

  it.each([
    [{ training: { samples: 1 } }, 'training.samples: 1 is not allowed; it must be a whole number from 2 to 256'],
    [{ credit: { share: 0.5 } }, 'credit.share: counterfactual has none; it belongs to credit.method "solo"'],
    [
      { credit: { method: 'solo' }, lora: { shared: true } },
      'credit.method: solo needs an adapter for each node; leave lora.shared out',
    ],
    [{ training: { samples: 2.5 } }, 'training.samples: 2.5 is not allowed; it must be a whole number from 2 to 256'],
    [{ training: { learningRate: NaN } }, 'training.learningRate: NaN is not allowed; it must be a number from 0 to 1'],
    [
      { training: { learningRate: '1e-3' } },
      'training.learningRate: "1e-3" is not allowed; it must be a number from 0 to 1',
    ],
    [{ training: { lerningRate: 1 } }, 'training.lerningRate: unknown field; did you mean "learningRate"?'],
    [{ lora: { zzzzzz: 1 } }, 'lora.zzzzzz: unknown field; known fields: rank, alpha, shared'],
    [{ training: 3 }, /^training: 3 is not allowed; it must be an object with the fields steps, problems, /],
    [{ version: 2 }, 'version: 2 is not allowed; it must be 1'],
    [{ prompt: 'chat' }, 'prompt: nano knows no English; leave prompt out, or choose another model'],
    [{ sampling: { stop: [''] } }, /^sampling.stop.0: "" is not allowed/],
    [{ engine: 'cuda' }, 'engine: "cuda" is not allowed; it must be one of "auto", "webgpu", "reference"'],
    [
      { task: { name: 'chess' } },
      'task.name: there is no task "chess"; there are arithmetic, boolean, sort, lookup, shards, signal, navigation, counting, logic, steps, dates, tracking, choice',
    ],
    [{ task: { level: 8 } }, 'task.level: 8 is not a level of arithmetic; it has 1, 2, 3, 4, 5, 6, 7'],
    [{ task: { name: 'sort', level: 1 } }, 'task.level: 1 is not a level of sort; it has 2, 3, 4, 5, 6'],
    [{ graph: { layers: [2, 2] } }, 'graph: the last layer has 2 nodes (2.0, 2.1); it must be the one output node'],
    [
      { graph: { layers: [] } },
      /^graph.layers: \[\] is not allowed; it must be a list of 1 to 16 items, each a whole number from 1 to 16/,
    ],
    [{ graph: { layers: [2, 0] } }, 'graph.layers.1: 0 is not allowed; it must be a whole number from 1 to 16'],
    [{ graph: { edges: [['1.0', 'output']] } }, /^graph.edges.0.1: "output" is not allowed; it must be a node name/],
    [{ model: 'nanoo' }, /^model: "nanoo" is neither a built-in model \(nano, nano-lookup, small\) nor the address/],
    [{ model: 'javascript:alert(1)//' }, /^model: /],
    [null, /^the specification: null is not allowed; it must be an object with the fields version, seed, /],
    [[1], /^0: unknown field|^the specification/],
    [{ model: 'x'.repeat(1000) }, /^model: "x{58}… is not allowed; it must be text of 1 to 500 characters$/],
    [JSON.parse('{"__proto__": {"seed": 3}}'), '__proto__: unknown field'],
    [JSON.parse('{"training": {"constructor": 3}}'), 'training.constructor: unknown field'],
  ])('rejects %j in one line', (input, message) => {
    expect(messageOf(input)).toMatch(typeof message === 'string' ? new RegExp(`^${escape(message)}$`) : message);
  });

  it('rejects anything else with a SpecError of one line, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.anything(), fc.jsonValue(), fc.record({ training: fc.anything(), graph: fc.anything() })),
        (input) => {
          try {
            parseSpec(input);
          } catch (error) {
            expect(error).toBeInstanceOf(SpecError);
            expect((error as Error).message).not.toMatch(/[\n\r\u2028]/);
            expect((error as Error).message.length).toBeLessThan(400);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

describe('setPath', () => {
  it('sets numbers, text and lists, and leaves its argument alone', () => {
    const spec = { training: { steps: 3 } };
    expect(setPath(spec, 'training.learningRate', '0.002')).toEqual({ training: { steps: 3, learningRate: 0.002 } });
    expect(setPath(spec, 'task.name', 'sort')).toEqual({ training: { steps: 3 }, task: { name: 'sort' } });
    expect(setPath(spec, 'graph.layers', '4-2-1')).toMatchObject({ graph: { layers: [4, 2, 1] } });
    expect(setPath(spec, 'graph.layers', '[4,2,1]')).toMatchObject({ graph: { layers: [4, 2, 1] } });
    expect(setPath(spec, 'graph.edges', '[["1.0","2.0"]]')).toMatchObject({ graph: { edges: [['1.0', '2.0']] } });
    expect(spec).toEqual({ training: { steps: 3 } });
  });

  it.each([
    [
      'training.learning_rate',
      '"training.learning_rate" names no field of the specification; did you mean "learningRate"?',
    ],
    ['', /names no field/],
    ['seed.value', '"seed.value" names no field of the specification; seed has no fields'],
    ['__proto__.polluted', /names no field/],
    ['constructor.prototype.polluted', /names no field/],
    ['training.__proto__.polluted', /names no field/],
  ])('rejects the path %j', (path, message) => {
    expect(() => setPath({}, path, '1')).toThrow(message);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('says so when it would write through a value that is no object', () => {
    expect(() => parseSpec(setPath({ training: 3 } as never, 'training.steps', '1'))).toThrow(
      'training: 3 has no fields',
    );
  });
});

it('says what a field may be', () => {
  expect(allowed('training.samples')).toBe('a whole number from 2 to 256');
});

describe('a reward of one’s own', () => {
  it('is a function or a model', () => {
    const judge = { kind: 'zero-shot', model: 'owner/name', labels: ['polite', 'rude'] } as const;
    expect(parseSpec({ reward: { judge } }).reward).toEqual({ judge });
    expect(parseSpec({ reward: { code: 'reward = () => 1' } }).reward).toEqual({ code: 'reward = () => 1' });
    expect(parseSpec(setPath({}, 'reward.judge.kind', 'similarity')).reward).toEqual({ judge: { kind: 'similarity' } });
  });

  it.each([
    [{}, 'reward: it has either code (a function) or judge (a model)'],
    [{ code: 'x', judge: { kind: 'similarity' } }, 'reward: it has either code (a function) or judge (a model)'],
    [{ judge: { kind: 'taste' } }, 'reward.judge.kind: "taste" is not allowed; it must be one of "similarity"'],
    [
      { judge: { kind: 'similarity', labels: ['a'] } },
      'reward.judge.labels: ["a"] is not allowed; similarity has none',
    ],
    [{ judge: { kind: 'sentiment', labels: ['a', 'b'] } }, 'sentiment has one, or none for POSITIVE'],
    [{ judge: { kind: 'zero-shot', labels: ['a', 'a'] } }, 'zero-shot has two or more that differ'],
    [{ judge: { kind: 'similarity', model: 'minilm' } }, 'reward.judge.model: "minilm" is not the address'],
    [{ judge: { kind: 'similarity', model: 'javascript:a/b' } }, 'is not the address of a model folder'],
    [{ judge: { kind: 'zero-shot', labels: ['a', 'b\u202e'] } }, 'a class in 1 to 80 characters'],
  ])('%j is refused', (reward, said) => {
    expect(() => parseSpec({ reward })).toThrow(said);
  });
});
