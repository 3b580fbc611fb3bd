import 'fake-indexeddb/auto';
import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { parseSpec } from '../spec.ts';
import type { Checkpoint } from '../training/types.ts';
import { BrowserStore, CorruptCheckpointError, superseded } from './checkpoints.ts';
import { fromRecord, toRecord } from './record.ts';
import { DATABASE_VERSION, openDatabase, type SandboxDatabase } from './schema.ts';

const spec = parseSpec({});

function checkpoint(step: number, heldOut?: number): Checkpoint {
  const adapter = (node: string, seed: number): Checkpoint['adapters'][number] => ({
    node,
    rank: 1,
    alpha: 16,
    updates: step,
    weights: Float32Array.of(seed, step, -0, 1e-40),
    m: Float32Array.of(seed + 1, step, 0, 3e38),
    v: Float32Array.of(seed + 2, step, 0, 0.1),
    tensors: [{ name: 'model.layers.0.self_attn.q_proj.lora_A.weight', shape: [1, 4], offset: 0 }],
  });
  return {
    version: 1,
    spec,
    step,
    adapters: [adapter('1.0', 1), adapter('1.1', 2), adapter('2.0', 3)],
    curve: [{ step, reward: 0.1, accuracy: 0.1, kl: 1e-9, entropy: 2, seconds: 0.5 }],
    evaluations: [{ step: 0, accuracy: 0.2, problems: 100, level: 3 }],
    baseline: { reward: 1 / 3 },
    transcripts: [],
    ...(heldOut === undefined ? {} : { heldOut }),
  };
}

let database: SandboxDatabase;
let store: BrowserStore;
let run: string;
let databases = 0;
beforeEach(async () => {
  database = await openDatabase(`test-${databases++}`);
  store = new BrowserStore(database);
  run = (await store.createRun('first', spec)).id;
});

describe('a store', () => {
  it('gives back exactly what was saved', async () => {
    const saved = checkpoint(7, 0.5);
    expect(await store.save(run, saved)).toMatchObject({ step: 7, heldOut: 0.5, bytes: 3 * 3 * 4 * 4 });
    expect(await store.load(run, 7)).toEqual(saved);
    expect(await store.latest(run)).toEqual({ checkpoint: saved, skipped: [] });
  });

  it('keeps the first, the best and the latest three, and the bytes of no other', async () => {
    const accuracies: Record<number, number> = { 0: 0.2, 20: 0.9, 30: 0.9, 40: 0.5 };
    for (let step = 0; step <= 80; step += 10) await store.save(run, checkpoint(step, accuracies[step]));
    expect((await store.list(run)).map(({ step }) => step)).toEqual([0, 20, 60, 70, 80]);
    const blobs = await database.getAllKeys('blobs');
    expect(blobs.map(([, step]) => step)).toEqual([0, 20, 60, 70, 80].flatMap((step) => [step, step, step]));
  });

  it('keeps the network to go back to apart from another one of the same step', async () => {
    const best = checkpoint(10);
    const grown = checkpoint(10);
    grown.adapters[0]!.weights[0]! += 1;
    await store.saveBest(run, best);
    await store.save(run, grown);
    for (const step of [20, 30, 40, 50]) await store.save(run, checkpoint(step, 0.9));
    expect(await store.best(run)).toEqual(best);
    expect((await store.latest(run)).checkpoint?.step).toBe(50);
    expect((await store.list(run)).map(({ step }) => step)).toEqual([10, 20, 30, 40, 50]);

    await store.saveBest(run, checkpoint(30));
    expect((await store.best(run))?.step).toBe(30);
    const copy = await store.duplicateRun(run, 'copy');
    await store.deleteRun(run);
    expect(await store.best(run)).toBeNull();
    expect((await store.best(copy.id))?.step).toBe(30);
    await store.deleteRun(copy.id);
    expect(await database.count('checkpoints')).toBe(0);
    expect(await database.count('blobs')).toBe(0);
    await expect(store.saveBest(run, best)).rejects.toThrow('there is no run');
  });

  it('takes for the latest what was saved last, also after going back to an earlier step', async () => {
    for (const step of [10, 20, 30]) await store.save(run, checkpoint(step));
    await store.save(run, checkpoint(15));
    expect((await store.latest(run)).checkpoint?.step).toBe(15);
    await store.save(run, checkpoint(20));
    expect((await store.latest(run)).checkpoint?.step).toBe(20);
    expect((await store.list(run)).map(({ step }) => step)).toEqual([10, 15, 20, 30]);
  });

  it('skips a damaged checkpoint, says so, and uses the one before it', async () => {
    for (const step of [10, 20, 30]) await store.save(run, checkpoint(step));
    const blob = await database.get('blobs', [run, 30, '1.1']);
    blob!.bytes[5]! ^= 1;
    await database.put('blobs', blob!);
    await database.delete('blobs', [run, 20, '2.0']);
    const { checkpoint: found, skipped } = await store.latest(run);
    expect(found?.step).toBe(10);
    expect(skipped).toEqual([
      'the checkpoint of step 30 cannot be used: the weights of node 1.1 do not match their checksum',
      'the checkpoint of step 20 cannot be used: the weights of node 2.0 are missing',
    ]);
    await expect(store.load(run, 30)).rejects.toThrow(CorruptCheckpointError);
    await expect(store.load(run, 99)).rejects.toThrow(`run ${run} has no checkpoint of step 99`);
  });

  it('leaves everything as it was when a write fails in the middle', async () => {
    await store.save(run, checkpoint(10));
    const before = await database.getAll('blobs');
    // A function cannot be cloned: the put of the description fails after others were made.
    const broken = { ...checkpoint(20), spec: { ...spec, seed: (() => 1) as unknown as number } };
    await expect(store.save(run, broken)).rejects.toThrow();
    expect((await store.list(run)).map(({ step }) => step)).toEqual([10]);
    expect(await database.getAll('blobs')).toEqual(before);
    expect((await store.latest(run)).checkpoint).toEqual(checkpoint(10));
  });

  it('keeps runs apart, lists, renames and deletes them', async () => {
    const other = (await store.createRun('second', spec)).id;
    await store.save(run, checkpoint(10));
    await store.save(other, checkpoint(20));
    await store.renameRun(run, 'renamed');
    expect((await store.runs()).map(({ name, step, bytes }) => [name, step, bytes]).sort()).toEqual([
      ['renamed', 10, 144],
      ['second', 20, 144],
    ]);
    await store.deleteRun(run);
    expect((await store.runs()).map(({ id }) => id)).toEqual([other]);
    expect(await store.list(run)).toEqual([]);
    expect(await database.count('blobs')).toBe(3);
    await expect(store.save(run, checkpoint(11))).rejects.toThrow(`there is no run ${run}`);
    await store.delete(other, 20);
    expect(await database.count('blobs')).toBe(0);
    expect(await store.latest(other)).toEqual({ checkpoint: null, skipped: [] });
  });
});

describe('a record', () => {
  it('is rejected after a change of any byte', async () => {
    const good = await toRecord(checkpoint(3));
    await fc.assert(
      fc.asyncProperty(fc.nat(2), fc.nat(47), fc.integer({ min: 1, max: 255 }), async (blob, at, change) => {
        const record = structuredClone(good);
        record.blobs[blob]!.bytes[at]! ^= change;
        await expect(fromRecord(record)).rejects.toThrow(CorruptCheckpointError);
      }),
      { numRuns: 50 },
    );
    await expect(fromRecord({ ...good, meta: good.meta.replace('"step":3', '"step":4') })).rejects.toThrow(
      'its description does not match its checksum',
    );
  });

  it('of a later version is not guessed at', async () => {
    const later = await toRecord({ ...checkpoint(3), version: 2 as 1 });
    await expect(fromRecord(later)).rejects.toThrow('version 2 is not known; this is 1');
  });
});

it('never drops the first, the latest or the best, and keeps at most five', () => {
  const rows = fc.uniqueArray(
    fc.record({ step: fc.nat(1000), order: fc.nat(1000), heldOut: fc.float({ min: 0, max: 1, noNaN: true }) }),
    { selector: ({ order }) => order, minLength: 1, maxLength: 12 },
  );
  fc.assert(
    fc.property(rows, (all) => {
      const dropped = new Set(superseded(all));
      const kept = all.filter((row) => !dropped.has(row));
      expect(kept.length).toBeLessThanOrEqual(5);
      expect(Math.max(...kept.map((row) => row.heldOut))).toBe(Math.max(...all.map((row) => row.heldOut)));
      expect(Math.min(...kept.map((row) => row.step))).toBe(Math.min(...all.map((row) => row.step)));
      expect(Math.max(...kept.map((row) => row.order))).toBe(Math.max(...all.map((row) => row.order)));
    }),
  );
});

describe('the list of runs', () => {
  it('has the run trained last on top, whatever the clock says', async () => {
    const { id: second } = await store.createRun('second', spec);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(1999, 0) });
    try {
      const { id: third } = await store.createRun('third', spec);
      for (const id of [run, second, third]) await store.save(id, checkpoint(1));
      expect((await store.runs()).map(({ id }) => id)).toEqual([third, second, run]);
      await store.touchRun(run);
      expect((await store.runs()).map(({ id }) => id)).toEqual([run, third, second]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('tells the same of a run as its checkpoints do, also of one stored before there were summaries', async () => {
    for (const step of [0, 10, 20]) await store.save(run, checkpoint(step, step / 40));
    const listed = { step: 20, best: 0.5, bytes: 3 * 3 * 3 * 4 * 4 };
    expect(await store.runs()).toMatchObject([listed]);
    const { summary: _, order: __, ...old } = (await database.get('runs', run))!;
    await database.put('runs', old);
    expect(await store.runs()).toMatchObject([listed]);
    await store.save(run, checkpoint(30));
    await store.delete(run, 20);
    expect(await store.runs()).toMatchObject([{ step: 30, best: 0.25, bytes: listed.bytes }]);
  });

  it('says why, when a newer version of the page has taken the storage over', async () => {
    const name = `test-${databases++}`;
    const taken = await BrowserStore.open(name);
    await taken.createRun('old', spec);
    const newer = await new Promise<IDBDatabase>((resolve) => {
      const request = indexedDB.open(name, DATABASE_VERSION + 1);
      request.onsuccess = () => resolve(request.result);
    });
    await expect(taken.runs()).rejects.toThrow('a newer version of this page was opened in another tab');
    await expect(BrowserStore.open(name)).rejects.toThrow('are of a newer version of this page; reload it');
    newer.close();
  });

  it('keeps a file of questions as long as a run is trained on it', async () => {
    const data = { sha256: 'ab'.repeat(32), bytes: Uint8Array.of(1, 2, 3) };
    const asking = { ...spec, data: { ...{ file: 'q.jsonl', match: 'exact' as const }, sha256: data.sha256 } };
    const first = await store.createRun('asking', parseSpec({ ...asking, task: { name: 'data', level: 1 } }), data);
    const copy = await store.duplicateRun(first.id, 'copy');
    await store.deleteRun(first.id);
    expect(await store.data(data.sha256)).toEqual(data.bytes);
    await store.deleteRun(copy.id);
    expect(await store.data(data.sha256)).toBeUndefined();
  });

  it('opens what an older version of the page has stored', async () => {
    const name = `test-${databases++}`;
    const old = await new Promise<IDBDatabase>((resolve) => {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore('runs', { keyPath: 'id' });
        request.result.createObjectStore('checkpoints', { keyPath: ['run', 'step'] });
        request.result.createObjectStore('blobs', { keyPath: ['run', 'step', 'node'] });
      };
      request.onsuccess = () => resolve(request.result);
    });
    old.close();
    const opened = await BrowserStore.open(name);
    const { id } = await opened.createRun('new', spec);
    expect((await opened.runs()).map((entry) => entry.id)).toEqual([id]);
    expect(await opened.data('ab')).toBeUndefined();
    opened.close();
  });

  it('hides what is in the bin, gives it back, and empties it', async () => {
    await store.save(run, checkpoint(7, 0.5));
    const { id: other } = await store.createRun('other', spec);
    await store.binRun(run);
    expect((await store.runs()).map(({ id }) => id)).toEqual([other]);
    expect((await store.runs({ bin: true })).map(({ id }) => id).sort()).toEqual([run, other].sort());
    await store.unbinRun(run);
    expect((await store.latest(run)).checkpoint).toEqual(checkpoint(7, 0.5));
    expect((await store.runs()).find(({ id }) => id === run)).toMatchObject({ best: 0.5, step: 7 });
    await store.binRun(run);
    await store.emptyBin();
    expect((await store.runs({ bin: true })).map(({ id }) => id)).toEqual([other]);
    expect(await database.getAllKeys('blobs')).toEqual([]);
  });

  it('copies a run whole, and the copy goes its own way', async () => {
    for (const step of [0, 10]) await store.save(run, checkpoint(step, step / 20));
    const copy = await store.duplicateRun(run, 'copy');
    await store.save(copy.id, checkpoint(20));
    expect((await store.list(run)).map(({ step }) => step)).toEqual([0, 10]);
    expect((await store.list(copy.id)).map(({ step }) => step)).toEqual([0, 10, 20]);
    expect(await store.load(copy.id, 10)).toEqual(checkpoint(10, 0.5));
    await expect(store.duplicateRun('none', 'copy')).rejects.toThrow('there is no run none');
    expect(await store.runs()).toHaveLength(2);
  });

  it('stores a run from elsewhere whole or not at all', async () => {
    const { id } = await store.importRun('theirs', 12, checkpoint(30, 0.9));
    expect((await store.runs()).find((entry) => entry.id === id)).toMatchObject({
      name: 'theirs',
      created: 12,
      step: 30,
    });
    const broken = checkpoint(30);
    broken.adapters[0] = { ...(broken.adapters[0] as Checkpoint['adapters'][number]), m: new Float32Array(1) };
    await expect(store.importRun('broken', 12, broken)).rejects.toThrow('moments');
    expect((await store.runs()).map(({ name }) => name)).not.toContain('broken');
  });
});
