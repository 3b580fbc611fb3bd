import { describe, expect, it } from 'vitest';
import type { AdapterState } from '../../workers/engine-api.ts';
import { PeftError, readPeft, writePeft } from './peft.ts';
import { readSafetensors, writeSafetensors } from './safetensors.ts';

/** One layer, two projections, rank 2. */
function state(): AdapterState {
  const tensors: AdapterState['tensors'] = [
    { name: 'model.layers.0.self_attn.q_proj.lora_A.weight', shape: [2, 3], offset: 0 },
    { name: 'model.layers.0.self_attn.q_proj.lora_B.weight', shape: [4, 2], offset: 6 },
    { name: 'model.layers.0.mlp.up_proj.lora_A.weight', shape: [2, 3], offset: 14 },
    { name: 'model.layers.0.mlp.up_proj.lora_B.weight', shape: [5, 2], offset: 20 },
  ];
  const weights = Float32Array.from({ length: 30 }, (_, i) => Math.fround(Math.sin(i)));
  return { node: '1.0', rank: 2, alpha: 4, updates: 7, weights, m: weights.slice(), v: weights.slice(), tensors };
}

describe('PEFT', () => {
  it('has the names and settings that peft reads', () => {
    const { config, weights } = writePeft(state(), 'nano');
    expect(JSON.parse(config)).toMatchObject({
      peft_type: 'LORA',
      r: 2,
      lora_alpha: 4,
      target_modules: ['q_proj', 'up_proj'],
      base_model_name_or_path: 'nano',
    });
    const { tensors, metadata } = readSafetensors(weights);
    expect([...tensors.keys()]).toEqual(state().tensors.map(({ name }) => `base_model.model.${name}`));
    expect(metadata.format).toBe('pt');
    expect(tensors.get('base_model.model.model.layers.0.mlp.up_proj.lora_B.weight')).toMatchObject({
      shape: [5, 2],
      data: state().weights.slice(20, 30),
    });
  });

  it('reads back the same weights, without moments', () => {
    const back = readPeft(writePeft(state(), 'nano'), { ...state(), node: '2.0', weights: new Float32Array(30) });
    expect(back).toMatchObject({ node: '2.0', rank: 2, alpha: 4, updates: 0, weights: state().weights });
    expect(back.m.every((x) => x === 0) && back.v.every((x) => x === 0)).toBe(true);
  });

  const changed = (changes: object): string =>
    JSON.stringify({ ...(JSON.parse(writePeft(state(), 'nano').config) as object), ...changes });
  it.each([
    ['{', 'adapter_config.json is not JSON'],
    ['3', 'adapter_config.json is not a JSON object'],
    [changed({ peft_type: 'IA3' }), 'peft_type is "IA3"; it must be "LORA"'],
    [changed({ r: 8 }), 'r is 8; it must be 2'],
    [changed({ lora_alpha: -1 }), 'lora_alpha is -1; it must be a number above 0'],
    [changed({ lora_alpha: undefined }), 'lora_alpha is missing'],
    [changed({ target_modules: ['q_proj'] }), 'target_modules is ["q_proj"]; it must be all of q_proj, up_proj'],
    [changed({ use_dora: true }), 'use_dora is true; it must be false'],
    [changed({ rank_pattern: { q_proj: 4 } }), 'rank_pattern is {"q_proj":4}; it must be empty'],
  ])('rejects the configuration %s', (config, message) => {
    expect(() => readPeft({ ...writePeft(state(), 'nano'), config }, state())).toThrow(message);
  });

  it('scales B where another alpha was trained with', () => {
    const { tensors, weights } = readPeft(
      { ...writePeft(state(), 'nano'), config: changed({ lora_alpha: 6 }) },
      state(),
    );
    for (const { name, shape, offset } of tensors) {
      const factor = name.includes('lora_B') ? 1.5 : 1;
      const size = shape[0] * shape[1];
      expect(weights.slice(offset, offset + size)).toEqual(
        state()
          .weights.slice(offset, offset + size)
          .map((value) => value * factor),
      );
    }
  });

  it.each<[string, (tensors: Map<string, { shape: number[]; data: Float32Array }>) => void, string]>([
    ['a missing tensor', (t) => t.delete([...t.keys()][1] ?? ''), 'q_proj.lora_B.weight is missing'],
    [
      'another shape',
      (t) => t.set([...t.keys()][0] ?? '', { shape: [3, 2], data: new Float32Array(6) }),
      'lora_A.weight has shape [3, 2], not [2, 3]',
    ],
    ['a tensor too many', (t) => t.set('lm_head', { shape: [1], data: new Float32Array(1) }), '"lm_head" has no place'],
    [
      'a value that is not finite',
      (t) => t.set([...t.keys()][0] ?? '', { shape: [2, 3], data: Float32Array.of(1, NaN, 3, 4, 5, 6) }),
      'not finite',
    ],
  ])('rejects %s by name', (_, change, message) => {
    const written = writePeft(state(), 'nano');
    const { tensors } = readSafetensors(written.weights);
    change(tensors);
    const weights = writeSafetensors(tensors);
    expect(() => readPeft({ config: written.config, weights }, state())).toThrow(PeftError);
    expect(() => readPeft({ config: written.config, weights }, state())).toThrow(message);
  });
});
