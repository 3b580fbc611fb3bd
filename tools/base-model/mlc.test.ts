import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { BUILT_IN_MODELS } from '../../src/spec.ts';
import { readSafetensors } from '../../src/storage/safetensors.ts';
import { toMlc, type HuggingFaceConfig } from './mlc.ts';

const here = new URL('.', import.meta.url);
const fixture = new URL('../../tests/fixtures/nano-q4f16_1/', here);

async function source(model: string) {
  const config = JSON.parse(await readFile(new URL(`weights/${model}/config.json`, here), 'utf8')) as HuggingFaceConfig;
  const { tensors } = readSafetensors(await readFile(new URL(`weights/${model}/model.safetensors`, here)));
  return { config, tensors };
}

describe('toMlc', () => {
  it('makes nano byte for byte as in the fixture', async () => {
    const { config, tensors } = await source('nano');
    const made = toMlc(config, tensors);
    const manifest = JSON.parse(await readFile(new URL('tensor-cache.json', fixture), 'utf8'));
    expect(createHash('md5').update(made['params_shard_0.bin']).digest('hex')).toBe(manifest.records[0].md5sum);
    const mine = JSON.parse(made['tensor-cache.json']);
    const place = ({ name, shape, dtype, nbytes, byteOffset }: Record<string, unknown>) => ({
      name,
      shape,
      dtype,
      nbytes,
      byteOffset,
    });
    expect(mine.records[0].records.map(place)).toEqual(manifest.records[0].records.map(place));
    expect(mine.metadata.ParamBytes).toBe(125_568);
    expect(JSON.parse(made['mlc-chat-config.json'])).toEqual(
      JSON.parse(await readFile(new URL('mlc-chat-config.json', fixture), 'utf8')),
    );
  });

  it.each(BUILT_IN_MODELS)('is what public/models/%s holds', async (model) => {
    const { config, tensors } = await source(model);
    for (const [name, content] of Object.entries(toMlc(config, tensors))) {
      const shipped = await readFile(new URL(`../../public/models/${model}/${name}`, here));
      expect(Buffer.from(content as string | Uint8Array).equals(shipped), `${model}/${name}`).toBe(true);
    }
  });

  it('names the tensor that is missing, left over or of another shape', async () => {
    const { config, tensors } = await source('nano');
    const norm = tensors.get('model.norm.weight')!;
    expect(() => toMlc(config, new Map([...tensors].slice(1)))).toThrow(
      'The tensor model.embed_tokens.weight is missing.',
    );
    expect(() => toMlc(config, new Map([...tensors, ['model.extra', norm]]))).toThrow('model.extra');
    expect(() => toMlc({ ...config, intermediate_size: 200 }, tensors)).toThrow(
      'model.layers.0.mlp.gate_proj.weight has shape [192, 64]; the configuration asks for [200, 64].',
    );
  });
});
