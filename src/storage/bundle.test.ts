import { createHash } from 'node:crypto';
import { strToU8, unzipSync, zipSync, type Zippable } from 'fflate';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseSpec } from '../spec.ts';
import type { Checkpoint } from '../training/types.ts';
import { BundleError, readBundle, writeBundle } from './bundle.ts';
import { zip } from '../../tests/fuzz/zip.ts';
import { readPeft } from './peft.ts';

const adapter = (node: string, seed: number): Checkpoint['adapters'][number] => ({
  node,
  rank: 1,
  alpha: 16,
  updates: 7,
  weights: Float32Array.of(seed, 2, -0, 1e-40, 5, 6),
  m: Float32Array.of(seed, 0, 0, 3e38, 0, 0),
  v: Float32Array.of(seed, 0, 0, 0.1, 0, 0),
  tensors: [
    { name: 'model.layers.0.self_attn.q_proj.lora_A.weight', shape: [1, 4], offset: 0 },
    { name: 'model.layers.0.self_attn.q_proj.lora_B.weight', shape: [2, 1], offset: 4 },
  ],
});
const checkpoint: Checkpoint = {
  version: 1,
  spec: parseSpec({ seed: 5 }),
  step: 7,
  adapters: [adapter('1.0', 1), adapter('1.1', 2), adapter('2.0', 3)],
  curve: [{ step: 7, reward: 0.1, accuracy: 0.1, kl: 1e-9, entropy: 2, seconds: 0.5 }],
  evaluations: [{ step: 0, accuracy: 0.2, problems: 100, level: 3 }],
  baseline: { reward: 1 / 3 },
  transcripts: [],
  heldOut: 0.5,
};
const bundle = { name: '<b>Mine</b> ✓', created: 1_700_000_000_000, checkpoint };

/** The bundle with some of its files altered, put in or taken out. */
async function altered(change: (files: Record<string, Uint8Array>) => Zippable): Promise<Uint8Array> {
  return zipSync(change(unzipSync(await writeBundle(bundle))));
}
const editJson = (path: string, edit: (value: Record<string, unknown>) => unknown) =>
  altered((files) => {
    const value = JSON.parse(new TextDecoder().decode(files[path])) as Record<string, unknown>;
    return { ...files, [path]: strToU8(JSON.stringify(edit(value))) };
  });

/** With a valid checksum, as those who mean harm would write it. */
const editMeta = (edit: (value: Record<string, unknown>) => unknown) =>
  altered((files) => {
    const [meta, manifest] = ['checkpoint/meta.json', 'bundle.json'].map(
      (path) => JSON.parse(new TextDecoder().decode(files[path])) as Record<string, unknown>,
    ) as [Record<string, unknown>, Record<string, unknown>];
    // JSON.stringify is recursive: deep values are put in as text.
    const text = JSON.stringify(edit(meta)).replace(/"raw:([^"]*)"/, '$1');
    manifest['metaSha256'] = createHash('sha256').update(text).digest('hex');
    return { ...files, 'checkpoint/meta.json': strToU8(text), 'bundle.json': strToU8(JSON.stringify(manifest)) };
  });
const nested = (depth: number): string => `raw:${'['.repeat(depth)}${']'.repeat(depth)}`;
const editTensor = (edit: (tensor: Record<string, unknown>) => unknown) =>
  editMeta((meta) => {
    const [first, ...rest] = meta['adapters'] as { tensors: Record<string, unknown>[] }[];
    const [tensor, ...others] = first?.tensors ?? [];
    return { ...meta, adapters: [{ ...first, tensors: [edit(tensor ?? {}), ...others] }, ...rest] };
  });

test('a bundle gives back exactly the run, and PEFT adapters beside it', async () => {
  const file = await writeBundle(bundle);
  expect(await readBundle(file)).toEqual(bundle);
  const files = unzipSync(file);
  const peft = {
    config: new TextDecoder().decode(files['adapters/1.1/adapter_config.json']),
    weights: files['adapters/1.1/adapter_model.safetensors'] ?? new Uint8Array(),
  };
  const like = checkpoint.adapters[1] as Checkpoint['adapters'][number];
  expect(readPeft(peft, like).weights).toEqual(like.weights);
});

test.each([
  ['not a zip', async () => strToU8('PK? no'), /no bundle of a run/],
  ['empty', async () => new Uint8Array(), /no bundle of a run/],
  ['cut off', async () => (await writeBundle(bundle)).slice(0, 700), /no bundle of a run/],
  [
    'a file that is there twice',
    async () =>
      zip([
        { name: 'bundle.json', data: strToU8('{}') },
        { name: 'bundle.json', data: strToU8('{}') },
      ]),
    /has bundle\.json twice/,
  ],
  ['another zip', async () => zipSync({ 'photo.jpg': strToU8('x') }), /has no bundle\.json/],
  ['without a node', () => altered(({ 'checkpoint/1.1.f32': _, ...rest }) => rest), /no checkpoint\/1\.1\.f32/],
  ['shortened weights', () => altered((f) => ({ ...f, 'checkpoint/1.0.f32': new Uint8Array(12) })), /12 bytes, not 72/],
  [
    'one bit turned',
    () =>
      altered((files) => {
        const bytes = new Uint8Array(files['checkpoint/2.0.f32'] ?? []);
        bytes[0] = (bytes[0] ?? 0) ^ 1;
        return { ...files, 'checkpoint/2.0.f32': bytes };
      }),
    /do not match their checksum/,
  ],
  ['an altered description', () => editJson('checkpoint/meta.json', (m) => ({ ...m, step: 8 })), /checksum/],
  ['a foreign shape', () => editMeta((m) => ({ ...m, curve: 5 })), /description is damaged: curve is 5/],
  [
    'a node that is not in the network',
    () => editMeta((m) => ({ ...m, spec: { seed: 5, graph: { layers: [1] } } })),
    /node 1.1 has an adapter and is not in the network/,
  ],
  [
    'a node without weights',
    () => editMeta((m) => ({ ...m, adapters: (m['adapters'] as unknown[]).slice(1) })),
    /node 1.0 has no adapter/,
  ],
  [
    'a tensor of three sizes',
    () => editTensor((t) => ({ ...t, shape: [1, 4, 1] })),
    /shape\.2 is 1; it must be two sizes/,
  ],
  ['a tensor beyond the weights', () => editTensor((t) => ({ ...t, offset: 5 })), /ends behind its 6 weights/],
  [
    'a value that is nested deep',
    () => editMeta((m) => ({ ...m, heldOut: nested(20_000) })),
    /nested without end, or too deep/,
  ],
  [
    'a field with control characters',
    () => editMeta((m) => ({ ...m, version: '\n\u001b[2J' })),
    /version "\\n\\u001b\[2J" is not known/,
  ],
  ['no JSON', () => altered((f) => ({ ...f, 'bundle.json': strToU8('{') })), /bundle\.json is not JSON/],
  ['a newer one', () => editJson('bundle.json', (m) => ({ ...m, version: 2 })), /newer version .*version 2/],
])('%s is refused in words', async (_, make, message) => {
  await expect(readBundle(await make())).rejects.toThrow(message);
  await expect(readBundle(await make())).rejects.toBeInstanceOf(BundleError);
});

test('a zip bomb is refused as soon as there is too much of it', async () => {
  const bomb = await altered((files) => ({ ...files, 'bundle.json': new Uint8Array(40_000_000) }));
  expect(bomb.byteLength).toBeLessThan(100_000);
  await expect(readBundle(bomb)).rejects.toThrow(/bundle\.json unpacks to more than 32000000 bytes/);
});

test.each([100_000, 1_000_000, 0xffffffff])(
  'a zip bomb that says it has %d bytes costs no more than that',
  async (size) => {
    const blanks = new Uint8Array(300_000_000).fill(32);
    const bomb = zip([{ name: 'bundle.json', data: blanks }], { size });
    expect(bomb.byteLength).toBeLessThan(400_000);
    const started = process.cpuUsage();
    await expect(readBundle(bomb)).rejects.toBeInstanceOf(BundleError);
    const { user, system } = process.cpuUsage(started);
    expect((user + system) / 1e6).toBeLessThan(0.5);
  },
);

test('bytes turned anywhere end in a bundle or a BundleError', async () => {
  const file = await writeBundle(bundle);
  await fc.assert(
    fc.asyncProperty(fc.nat(file.length - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
      const bytes = file.slice();
      bytes[at] = (bytes[at] ?? 0) ^ by;
      await readBundle(bytes).then(
        (read) => expect(read.checkpoint).toEqual(checkpoint),
        (error: unknown) => expect(error).toBeInstanceOf(BundleError),
      );
    }),
    { numRuns: 300 },
  );
});
