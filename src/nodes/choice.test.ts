import { describe, expect, it } from 'vitest';
import { parseSpec, promptForm } from '../spec.ts';
import { CATALOGUE } from './catalogue.ts';
import { readModel, withModel } from './choice.ts';
import { hubAddress } from './model.ts';

describe('what is typed as a model', () => {
  it.each([
    [' Qwen/Qwen3-0.6B ', 'Qwen/Qwen3-0.6B'],
    ['https://huggingface.co/Qwen/Qwen3-0.6B', 'Qwen/Qwen3-0.6B'],
    ['huggingface.co/Qwen/Qwen3-0.6B/tree/main', 'Qwen/Qwen3-0.6B'],
    ['https://example.org/models/mine/', 'https://example.org/models/mine/'],
    ['http://localhost:8000/m', 'http://localhost:8000/m'],
  ])('%s is %s', (typed, model) => {
    expect(readModel(typed)).toBe(model);
  });

  it.each(['', 'nano', 'javascript:alert(1)', 'a/b/c', '../secret', 'data:text/html,x'])('%s is none', (typed) => {
    expect(() => readModel(typed)).toThrow('Write owner/name');
  });
});

describe('a run on another model', () => {
  const nano = parseSpec({ seed: 7, training: { problems: 16 }, prompt: 'compact' });

  it('has sizes for it, and back again', () => {
    const large = withModel(nano, 'Qwen/Qwen3-0.6B', 8);
    expect(large).toMatchObject({ seed: 7, bits: 8, sampling: { maxNewTokens: 64 }, training: { problems: 8 } });
    expect(promptForm(large)).toBe('chat');
    const back = withModel(large, 'small');
    expect(back).toMatchObject({ seed: 7, sampling: { maxNewTokens: 8 }, training: { problems: 32 } });
    expect([back.bits, promptForm(back)]).toEqual([undefined, 'compact']);
  });

  it('keeps what was set between models of one kind', () => {
    expect(withModel(nano, 'small').training).toEqual(nano.training);
    const large = withModel(nano, CATALOGUE[0]!.model);
    const set = parseSpec({ ...large, sampling: { ...large.sampling, maxNewTokens: 99 } });
    expect(withModel(set, CATALOGUE[1]!.model).sampling.maxNewTokens).toBe(99);
  });
});

it('has a catalogue of models that web-llm knows by these names and addresses', async () => {
  const { prebuiltAppConfig } = await import('@mlc-ai/web-llm');
  for (const { model } of CATALOGUE) {
    const known = prebuiltAppConfig.model_list.find(({ model_id }) => model === `mlc-ai/${model_id}`);
    expect(known?.model).toBe(`https://huggingface.co/${model}`);
    expect(hubAddress(model)).toBe(`https://huggingface.co/${model}/resolve/main/`);
  }
});
