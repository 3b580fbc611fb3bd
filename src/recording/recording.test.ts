/** Recordings of real runs, on a tiny model: what is written is what was seen, and nothing else is read. */
import { strToU8, zipSync } from 'fflate';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { longRecording } from '../../tests/support/long-recording.ts';
import { tinyEngine } from '../../tests/support/tiny.ts';
import { parseSpec, type RunSpecInput } from '../spec.ts';
import { train, Trainer, type TrainEvent } from '../training/train.ts';
import type { Transcript } from '../training/types.ts';
import { isRecording, packRecording, readRecording } from './file.ts';
import { RecordingError, type RecordingFile } from './format.ts';
import { Recorder } from './recorder.ts';
import { Thinned } from './thinned.ts';

const growing: RunSpecInput = {
  task: { name: 'arithmetic', level: 2 },
  graph: { layers: [2, 1] },
  lora: { rank: 2 },
  training: { steps: 6, problems: 2, samples: 2 },
  evaluation: { problems: 6, every: 2 },
  checkpoints: { every: 0 },
  growth: { start: 'silent', schedule: [{ when: 'step', at: 4, do: 'add-node', layer: 1 }] },
};
const device = { engine: 'reference' as const, name: 'a tiny model' };
const created = Date.UTC(2026, 10, 24);

async function run(spec: RunSpecInput, recorded: boolean) {
  const trainer = await Trainer.create({ spec: parseSpec(spec), engine: await tinyEngine() });
  const recorder = new Recorder(trainer.spec, { every: 1 });
  const events: TrainEvent[] = [];
  for await (const event of train(trainer)) {
    events.push(event);
    if (recorded) await recorder.note(event, trainer);
  }
  const file = recorded ? await recorder.finish(trainer, { name: 'Mine', device, created }) : null;
  return { trainer, events, file };
}

let whole: Awaited<ReturnType<typeof run>>;
let file: RecordingFile;
beforeAll(async () => {
  whole = await run(growing, true);
  file = whole.file as RecordingFile;
});

/** Without what a recording leaves out or rounds. */
const seen = ({ nodes, ...transcript }: Transcript) => ({
  ...transcript,
  nodes: nodes.map(({ node, heard, message: { text, stopped, tokens } }) => ({ node, heard, text, stopped, tokens })),
});

test('a recording gives back what was seen, through growth', () => {
  const recording = readRecording(packRecording(file));
  expect(recording).toMatchObject({ name: 'Mine', created, device, steps: 6 });
  const reports = whole.events.flatMap((event) => (event.type === 'step' ? event.report : []));
  expect(recording.practice.map(({ report }) => report.transcripts.map(seen))).toEqual(
    reports.map(({ transcripts }) => transcripts.slice(0, 1).map(seen)),
  );
  expect(recording.practice.map(({ report }) => report.modes.nodes.map(({ text }) => text))).toEqual(
    reports.map(({ modes }) => modes.nodes.map(({ text }) => text)),
  );
  for (const [i, { report }] of recording.practice.entries()) {
    for (const [n, update] of report.nodes.entries()) expect(update.kl).toBeCloseTo(reports[i]?.nodes[n]?.kl ?? NaN, 3);
  }
  expect(recording.curve.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(recording.curve[2]?.reward).toBeCloseTo(whole.trainer.curve[2]?.reward ?? NaN, 3);
  expect(recording.evaluations.map(({ step }) => step)).toEqual(whole.trainer.evaluations.map(({ step }) => step));
  expect(recording.decisions.map(({ reason }) => reason)).toEqual(
    whole.events.flatMap((event) => (event.type === 'decision' ? event.reason : [])),
  );
  // Four nodes from the step on at which it grew.
  expect(recording.frames.map(({ step, form }) => [step, form.plan.nodes.length])).toEqual([
    ...[0, 1, 2, 3].map((step) => [step, 3]),
    ...[4, 5, 6].map((step) => [step, 4]),
  ]);
});

test('the new node is silent at first: nobody is said to have heard it', () => {
  const recording = readRecording(packRecording(file));
  const after = recording.frames.find(({ step }) => step === 4);
  const output = after?.tests[0]?.nodes.find(({ node }) => node === '2.0');
  expect(output?.heard.map(({ from }) => from)).toEqual(['1.0', '1.1']);
});

test('tests keep the probability of every token, and the last network is blanked node by node', async () => {
  const recording = readRecording(packRecording(file));
  const message = recording.frames[0]?.tests[0]?.nodes[0]?.message;
  expect(message?.pieces?.map(({ text }) => text).join('')).toContain(message?.text);
  expect([...recording.blanks.keys()]).toEqual(['1.0', '1.1', '1.2']);
  const { trainer } = whole;
  const alone = await trainer.evaluate({ blank: ['1.1'] });
  expect(recording.blanks.get('1.1')?.blanked).toBeCloseTo(alone.accuracy, 3);
  expect(recording.blanks.get('1.1')?.tests[0]?.nodes.at(-1)?.heard[1]).toEqual({ from: '1.1', text: '' });
});

test('a run is the same whether it is recorded or not', async () => {
  const plain = await run(growing, false);
  const weights = async ({ trainer }: typeof plain) =>
    (await trainer.snapshot()).adapters.map((state) => state.weights);
  expect(await weights(plain)).toEqual(await weights(whole));
  const stripped = ({ trainer }: typeof plain) => trainer.curve.map(({ seconds: _, ...point }) => point);
  expect(stripped(plain)).toEqual(stripped(whole));
});

test('a run of 10,000 steps makes a file that is quick to fetch, evenly thinned', async () => {
  const packed = await longRecording();
  expect(packed.length).toBeLessThan(150_000);
  const recording = readRecording(packed);
  expect(recording.steps).toBe(10_000);
  expect(recording.practice.length).toBeGreaterThan(250);
  for (const items of [recording.curve, recording.practice, recording.frames]) {
    const gaps = items.slice(1, -1).map((item, i) => item.step - (items[i] as { step: number }).step);
    expect(new Set(gaps).size).toBe(1);
    expect(items.at(-1)?.step).toBe(10_000);
  }
});

test('thinning keeps the first and the last, and never more than the budget', () => {
  fc.assert(
    fc.property(fc.integer({ min: 3, max: 50 }), fc.integer({ min: 1, max: 500 }), (budget, count) => {
      const list = new Thinned<number>(budget, () => 1);
      for (let i = 0; i < count; i++) list.push(i);
      expect(list.items[0]).toBe(0);
      expect(list.items.at(-1)).toBe(count - 1);
      expect(list.items.length).toBeLessThanOrEqual(budget + 1);
      expect(list.items.length).toBeGreaterThanOrEqual(Math.min(count, budget / 2));
    }),
  );
});

// Files from strangers

const zipped = (text: string) => zipSync({ 'recording.json': [strToU8(text), { level: 1 }] });
const edited = (edit: (copy: RecordingFile) => unknown) => {
  const copy = structuredClone(file);
  return zipped(JSON.stringify(edit(copy) ?? copy));
};

test.each<[string, () => Uint8Array, RegExp]>([
  ['not a zip', () => strToU8('PK? no'), /no recording: it is not a zip/],
  ['empty', () => new Uint8Array(), /no recording/],
  ['cut off', () => packRecording(file).slice(0, -60), /cut off/],
  ['another zip', () => zipSync({ 'bundle.json': strToU8('{}') }), /it has no recording.json/],
  ['not JSON', () => zipped('{"format":'), /is not JSON/],
  ['another format', () => edited((copy) => ({ ...copy, format: 'x' })), /damaged: format/],
  ['a later version', () => edited((copy) => ({ ...copy, version: 2 })), /newer version of the sandbox \(version 2/],
  ['an unknown field', () => edited((copy) => ({ ...copy, script: 'alert(1)' })), /damaged: script/],
  ['nested too deep', () => zipped('['.repeat(100_000)), /nested more than 12 deep/],
  ['too large', () => new Uint8Array(4_000_001), /has 4000001 bytes; a recording has at most 4000000/],
  ['a bomb', () => zipped(`"${'a'.repeat(24_000_000)}"`), /unpacks to 24000002 bytes; at most 24000000/],
  ['a specification that cannot be', () => edited((copy) => ({ ...copy, spec: { seed: -1 } })), /damaged: spec: seed/],
  ['an impossible graph', () => edited(({ graphs }) => void (graphs[0]!.graph = { layers: [2] })), /graphs.0: graph/],
  [
    'a graph that is not there',
    () => edited(({ frames }) => void (frames[0]!.graph = 9)),
    /frames.0 names graph 9 of 2/,
  ],
  [
    'a problem that is not there',
    () => edited(({ frames }) => void (frames[0]!.tests[0]!.problem = 99)),
    /frames.0 names problem 99/,
  ],
  [
    'a missing message',
    () => edited(({ frames }) => void frames[0]!.tests[0]!.nodes.pop()),
    /frames.0 has messages of 2 nodes; the network has 3/,
  ],
  [
    'messages for nobody',
    () => edited(({ practice }) => void (practice[0]!.nodes[0]!.heard = ['x'])),
    /node 1.0 hears 0 nodes and was told 1 messages/,
  ],
  ['no number', () => edited(({ curve }) => void (curve.kl[1] = null as never)), /damaged: curve.kl.1/],
  ['a short column', () => edited(({ curve }) => void curve.kl.pop()), /curve.kl has 5 points and curve.step 6/],
  ['time going back', () => edited(({ curve }) => void curve.step.reverse()), /curve: step 5 comes after step 6/],
  ['a fraction of a step', () => edited(({ curve }) => void (curve.step[0] = 0.5)), /curve: 0.5 is no step/],
  ['no frame', () => edited((copy) => ({ ...copy, frames: [] })), /damaged: frames/],
  ['a date that is none', () => edited((copy) => ({ ...copy, created: 1e300 })), /damaged: created/],
  [
    'a node that is not there',
    () => edited(({ blanks }) => void (blanks[0]!.node = 77)),
    /blanks.0 names node 77 of 4/,
  ],
  ['a prototype', () => zipped('{"__proto__":{"format":"neuromas-recording"}}'), /damaged/],
])('%s is refused, and it is said why', (_, make, message) => {
  const bytes = make();
  expect(() => readRecording(bytes)).toThrow(RecordingError);
  expect(() => readRecording(bytes)).toThrow(message);
});

test('a file with any byte or value changed is read or refused, never anything else', () => {
  const packed = packRecording(file);
  const text = JSON.stringify(file);
  const either = (bytes: Uint8Array): void => {
    try {
      readRecording(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(RecordingError);
    }
  };
  fc.assert(
    fc.property(fc.nat(packed.length - 1), fc.nat(255), (place, byte) => {
      const copy = packed.slice();
      copy[place] = byte;
      either(copy);
    }),
    { numRuns: 50 },
  );
  fc.assert(
    fc.property(
      fc.nat(text.length - 1),
      fc.constantFrom('0', '9', '-', '"', ']', ',', 'null', '1e9', '{}'),
      (at, put) => either(zipped(text.slice(0, at) + put + text.slice(at + 1))),
    ),
    { numRuns: 100 },
  );
});

test('recordings are told from other zips by their contents', () => {
  expect(isRecording(packRecording(file))).toBe(true);
  expect(isRecording(zipSync({ 'bundle.json': strToU8('{}') }))).toBe(false);
  expect(isRecording(strToU8('no zip'))).toBe(false);
});
