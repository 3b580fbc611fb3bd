/** Files and records that hold what was learned: bundles, checkpoints, safetensors, PEFT folders. */
import { createHash } from 'node:crypto';
import { unzipSync } from 'fflate';
import { expect } from 'vitest';
import { planGraph } from '../../src/graph/plan.ts';
import { parseSpec } from '../../src/spec.ts';
import { BundleError, readBundle, writeBundle, type Bundle } from '../../src/storage/bundle.ts';
import { PeftError, readPeft, writePeft } from '../../src/storage/peft.ts';
import { CorruptCheckpointError, fromRecord, toRecord, type CheckpointRecord } from '../../src/storage/record.ts';
import { readSafetensors, SafetensorsError, writeSafetensors } from '../../src/storage/safetensors.ts';
import type { Checkpoint } from '../../src/training/types.ts';
import type { AdapterState } from '../../workers/engine-api.ts';
import { fuzz, must } from './harness.ts';
import { jsonText, mutateBytes, mutated, mutateJson, mutateJsonText, type Draw, type Json } from './mutations.ts';
import { mutateZip, zip, type Entry } from './zip.ts';

const state = (node: string, seed: number): AdapterState => ({
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
const message = { text: '3+4=7', tokens: 6, stopped: true, logProb: -0.5, pieces: [{ text: '3', logProb: -0.1 }] };
const checkpoint: Checkpoint = {
  version: 1,
  spec: parseSpec({ seed: 5 }),
  step: 7,
  adapters: [state('1.0', 1), state('1.1', 2), state('2.0', 3)],
  curve: [{ step: 7, reward: 0.1, accuracy: 0.1, kl: 1e-9, entropy: 2, seconds: 0.5 }],
  evaluations: [{ step: 0, accuracy: 0.2, problems: 100, level: 3 }],
  baseline: { reward: 1 / 3 },
  transcripts: [
    {
      problem: '(3+4)*2',
      answer: '14',
      wrote: '14',
      reward: 1,
      correct: true,
      nodes: [{ node: '2.0', heard: [{ from: '1.0', text: '3+4=7' }], message }],
    },
  ],
  heldOut: 0.5,
  frozen: [0],
} as unknown as Checkpoint;
const bundle: Bundle = { name: 'Mine', created: 1_700_000_000_000, checkpoint };

const sha256 = (data: Uint8Array | string): string => createHash('sha256').update(data).digest('hex');
const utf8 = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text));

/** What the page and the trainer go on with must be what they can go on with. */
function usable({ spec, step, adapters }: Checkpoint): void {
  must(Number.isSafeInteger(step) && step >= 0, `step ${step}`);
  const nodes = planGraph(parseSpec(spec).graph).nodes.map(({ id }) => id);
  expect(adapters.map(({ node }) => node).sort()).toEqual([...nodes].sort());
  for (const { weights, m, v, tensors, alpha, rank } of adapters) {
    must(m.length === weights.length && v.length === weights.length, 'moments of the size of the weights');
    must(Number.isFinite(alpha) && Number.isSafeInteger(rank), 'rank and alpha');
    for (const { shape, offset } of tensors) {
      must((shape as number[]).length === 2, 'two sizes');
      must(offset + shape[0] * shape[1] <= weights.length, 'tensors within the weights');
    }
  }
}

const file = await writeBundle(bundle);
const inBundle: Entry[] = Object.entries(unzipSync(file)).map(([name, data]) => ({
  name,
  data,
  stored: !name.endsWith('.json'),
}));
const jsonOf = (name: string): Json =>
  JSON.parse(Buffer.from((inBundle.find((entry) => entry.name === name) as Entry).data).toString()) as Json;

const readable = { read: readBundle, errors: [BundleError], size: (bytes: Uint8Array) => bytes.length };

fuzz<Uint8Array<ArrayBuffer>>({
  name: 'bundles, bytes',
  ...readable,
  inputs: mutated([file], (base, draws, story) => draws.reduce((bytes, draw) => mutateBytes(bytes, draw, story), base)),
  holds: ({ checkpoint: read }: Bundle) => usable(read),
});

fuzz<Uint8Array<ArrayBuffer>>({
  name: 'bundles, zip entries and headers that lie',
  ...readable,
  inputs: mutated([inBundle], (base, draws, story) => mutateZip(base, draws[0] as Draw, story), 1),
  holds: ({ checkpoint: read }: Bundle) => usable(read),
  share: 0.5,
});

// With the checksums of what they were changed to, as those who mean harm would write them.
fuzz<Uint8Array<ArrayBuffer>>({
  name: 'bundles, descriptions and weights with valid checksums',
  ...readable,
  inputs: mutated([inBundle], (base, draws, story) => {
    const files = new Map(base.map(({ name, data }) => [name, data]));
    const [first, ...rest] = draws as [Draw, ...Draw[]];
    const manifest = jsonOf('bundle.json') as { nodes: { node: string; sha256: string }[]; metaSha256: string };
    const meta = jsonOf('checkpoint/meta.json') as { adapters: { node: string; sha256: string; elements: number }[] };
    if (first[0] % 4 === 0) {
      // Other numbers, well summed: bits of f32, NaN and infinities among them.
      const path = 'checkpoint/1.1.f32';
      let weights = files.get(path) as Uint8Array<ArrayBuffer>;
      for (const draw of draws) weights = mutateBytes(weights, draw, story);
      files.set(path, weights);
      for (const list of [manifest.nodes, meta.adapters])
        for (const entry of list) if (entry.node === '1.1') entry.sha256 = sha256(weights);
    }
    const changed = first[0] % 4 === 0 ? jsonText(meta) : mutateJsonText(meta, [first, ...rest], story);
    manifest.metaSha256 = sha256(changed);
    files.set('checkpoint/meta.json', utf8(changed));
    files.set('bundle.json', utf8(JSON.stringify(manifest)));
    return zip([...files].map(([name, data]) => ({ name, data, stored: true })));
  }),
  holds: ({ checkpoint: read }: Bundle) => usable(read),
  share: 1.5,
});

fuzz<Uint8Array<ArrayBuffer>>({
  name: 'bundles, manifests',
  ...readable,
  inputs: mutated([jsonOf('bundle.json')], (base, draws, story) => {
    const data = utf8(mutateJsonText(base, draws, story));
    return zip(inBundle.map((entry) => (entry.name === 'bundle.json' ? { ...entry, data } : entry)));
  }),
  holds: ({ name, created }: Bundle) => must(name.length <= 200 && Number.isFinite(created), 'a name and a date'),
  share: 0.5,
});

const record = await toRecord(checkpoint);

fuzz<CheckpointRecord>({
  name: 'checkpoint records with valid checksums',
  inputs: mutated([JSON.parse(record.meta) as Json], (base, draws, story) => {
    const meta = mutateJsonText(base, draws, story);
    return { ...record, meta, metaSha256: sha256(meta) };
  }),
  read: fromRecord,
  errors: [CorruptCheckpointError],
  holds: usable,
  size: ({ meta }) => meta.length + 216,
});

const tensors = [
  ['a.weight', { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
  ['b', { shape: [], data: Float32Array.of(7) }],
  ['empty', { shape: [0, 4], data: new Float32Array() }],
] as const;
const safe = writeSafetensors(tensors, { format: 'pt' });
const headerLength = Number(new DataView(safe.buffer).getBigUint64(0, true));
const header = JSON.parse(Buffer.from(safe.subarray(8, 8 + headerLength)).toString()) as Json;

const withHeader = (text: string, data: Uint8Array): Uint8Array<ArrayBuffer> => {
  const encoded = Buffer.from(text);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(encoded.length));
  return new Uint8Array(Buffer.concat([length, encoded, data]));
};
const readsSafetensors = {
  read: readSafetensors,
  errors: [SafetensorsError],
  holds: ({ tensors: read }: ReturnType<typeof readSafetensors>) => {
    for (const { shape, data } of read.values())
      must(shape.reduce((n, by) => n * by, 1) === data.length, `a shape of ${data.length} elements`);
  },
  size: (bytes: Uint8Array) => bytes.length,
};

fuzz<Uint8Array<ArrayBuffer>>({
  name: 'safetensors, bytes',
  ...readsSafetensors,
  inputs: mutated([safe, file], (base, draws, story, other) =>
    draws.reduce((bytes, draw) => mutateBytes(bytes, draw, story, other), base),
  ),
});

fuzz<Uint8Array<ArrayBuffer>>({
  name: 'safetensors, headers',
  ...readsSafetensors,
  inputs: mutated([header], (base, draws, story) =>
    withHeader(mutateJsonText(base, draws, story), safe.subarray(8 + headerLength)),
  ),
});

const like = state('1.0', 1);
const peft = writePeft(like, 'nano');
const peftHeaderLength = Number(new DataView(peft.weights.buffer).getBigUint64(0, true));
const peftHeader = JSON.parse(Buffer.from(peft.weights.subarray(8, 8 + peftHeaderLength)).toString()) as Json;

fuzz<{ config: string; weights: Uint8Array<ArrayBuffer> }>({
  name: 'PEFT folders',
  inputs: mutated([0], (_, draws, story) => {
    const [first] = draws as [Draw];
    const { config, weights } = peft;
    if (first[0] % 3 === 0) return { config: mutateJsonText(JSON.parse(config) as Json, draws, story), weights };
    if (first[0] % 3 === 1)
      return {
        config,
        weights: draws.reduce<Uint8Array<ArrayBuffer>>((bytes, d) => mutateBytes(bytes, d, story), weights),
      };
    return {
      config,
      weights: withHeader(jsonText(mutateJson(peftHeader, draws, story)), weights.subarray(8 + peftHeaderLength)),
    };
  }),
  read: (adapter) => readPeft(adapter, like),
  errors: [PeftError, SafetensorsError],
  holds: (read: AdapterState) => {
    must(read.weights.every(Number.isFinite) && read.weights.length === like.weights.length, 'finite weights');
    must(read.alpha > 0 && read.alpha <= 1024 && read.rank === like.rank, 'rank and alpha');
  },
  size: ({ config, weights }) => config.length + weights.length,
});
