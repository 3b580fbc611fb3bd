/** What a page and a run read besides: recordings, files of questions, answers of servers, keys in an address. */
import { strToU8 } from 'fflate';
import { HelperError } from '../../src/graph/helper.ts';
import { readFault, readModels, readReply, readText } from '../../src/nodes/endpoint-reply.ts';
import type { Written } from '../../src/nodes/writer.ts';
import type { Recording } from '../../src/recording/decode.ts';
import { isRecording, packRecording, readRecording } from '../../src/recording/file.ts';
import { RecordingError, type RecordingFile } from '../../src/recording/format.ts';
import { Recorder } from '../../src/recording/recorder.ts';
import { readKeys, writeKeys, type Keys } from '../../src/session/keys.ts';
import { parseSpec } from '../../src/spec.ts';
import { DataError } from '../../src/tasks/data/error.ts';
import { splitData, type DataSet } from '../../src/tasks/data/dataset.ts';
import { loadData } from '../../src/tasks/data/load.ts';
import { judgeMessage, MATCHES, type Match } from '../../src/tasks/data/match.ts';
import { train, Trainer } from '../../src/training/train.ts';
import { tinyEngine } from '../support/tiny.ts';
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
import { mutateZip, zip } from './zip.ts';

const utf8 = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text));

// Recordings

const recorded = await record();

/** Of a real run that grows, on a tiny model. */
async function record(): Promise<RecordingFile> {
  const spec = parseSpec({
    task: { name: 'arithmetic', level: 2 },
    graph: { layers: [2, 1] },
    lora: { rank: 2 },
    training: { steps: 3, problems: 2, samples: 2 },
    evaluation: { problems: 4, every: 2 },
    checkpoints: { every: 0 },
    growth: { start: 'silent', schedule: [{ when: 'step', at: 2, do: 'add-node', layer: 1 }] },
  });
  const trainer = await Trainer.create({ spec, engine: await tinyEngine() });
  const recorder = new Recorder(trainer.spec, { every: 1 });
  for await (const event of train(trainer)) await recorder.note(event, trainer);
  return recorder.finish(trainer, { name: 'Mine', device: { engine: 'reference', name: 'tiny' }, created: 1e12 });
}

/** What playback goes through without asking again. */
function playable({ curve, frames, practice, created, steps }: Recording): void {
  must(frames.length > 0, 'a frame');
  must(Number.isSafeInteger(steps) && steps >= 0, `${steps} steps`);
  must(!Number.isNaN(new Date(created).getTime()), 'a date');
  for (const { form, tests } of frames) {
    for (const { nodes } of tests) must(nodes.length === form.plan.nodes.length, 'a message of every node');
  }
  for (const [i, { step }] of curve.entries()) must(i === 0 || step > curve[i - 1]!.step, 'steps that rise');
  for (const { report } of practice)
    must(
      report.nodes.every(({ loss }) => Number.isFinite(loss)),
      'losses',
    );
}

const recording = { errors: [RecordingError], holds: playable, size: (bytes: Uint8Array) => bytes.length };
const readBoth = (bytes: Uint8Array<ArrayBuffer>): Recording => {
  isRecording(bytes);
  return readRecording(bytes);
};

fuzz<Uint8Array<ArrayBuffer>>({
  name: 'recordings, what they hold',
  ...recording,
  read: readBoth,
  inputs: mutated([recorded as unknown as Json], (base, draws, story) =>
    zip([{ name: 'recording.json', data: utf8(mutateJsonText(base, draws, story)), stored: true }]),
  ),
});

const packed = packRecording(recorded);
const entry = { name: 'recording.json', data: new Uint8Array(strToU8(JSON.stringify(recorded))) };

fuzz<Uint8Array<ArrayBuffer>>({
  name: 'recordings, bytes and zip headers that lie',
  ...recording,
  read: readBoth,
  inputs: mutated([packed], (base, draws, story) => {
    const first = draws[0] as Draw;
    if (first[0] % 4 === 0) return mutateZip([entry], [first[1], ...first.slice(1)] as unknown as Draw, story);
    return draws.reduce((bytes, draw) => mutateBytes(bytes, draw, story), base);
  }),
  share: 0.5,
});

// Files of questions

const lines: Json[] = [
  { question: 'What is 3+4?', answer: '7' },
  { question: 'Which is a colour?', answer: 'B', options: ['seven', 'red', 'Monday'] },
  { question: 'How many legs has a spider?', answer: 'It is eight. #### 8', note: [1, { deep: true }] },
  { question: 'Say yes', answer: '(?i)^y(es)?$' },
];

fuzz<{ bytes: Uint8Array<ArrayBuffer>; match: Match | undefined }>({
  name: 'files of questions, and a message for each',
  inputs: mutated([lines, lines.slice(1, 2)], (base, draws, story, other) => {
    const [[kind, , a]] = draws as [Draw];
    const match = [...MATCHES, undefined][a % 5];
    const text = [...base, ...other].map((line, i) => jsonText(i === a % 3 ? mutateJson(line, draws, story) : line));
    let bytes = utf8(text.join(kind % 7 === 0 ? '\r\n' : '\n'));
    if (kind % 3 === 0) for (const draw of draws) bytes = mutateBytes(bytes, draw, story);
    return { bytes, match };
  }),
  read: async ({ bytes, match }) => {
    const set = await loadData(bytes, match);
    const said = new TextDecoder().decode(bytes.subarray(0, 400));
    for (const question of set.questions.slice(0, 10)) judgeMessage(question, said, set.match, set.compile);
    return set;
  },
  errors: [DataError],
  holds: (set: DataSet) => {
    const { practice, test } = splitData(set.questions, { heldOut: 0.2, split: 0 });
    must(practice.length > 0 && test.length > 0, 'something to practise and to test');
    must(practice.length + test.length === set.questions.length, 'each question on one side');
  },
  size: ({ bytes }) => bytes.length,
});

// Answers of servers

const LIMIT = { stop: ['\n'], maxNewTokens: 16 };
const reply: Json = {
  id: 'chatcmpl-1',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: '3+4=7\nand more', reasoning_content: null },
      finish_reason: 'stop',
      logprobs: { content: [{ token: '3', logprob: -0.1, top_logprobs: [] }] },
    },
  ],
  usage: { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 },
};
const replies: Json[] = [reply, { data: [{ id: 'm' }, { id: 'n' }] }, { error: { message: 'slow down', code: 429 } }];
const TYPES = ['application/json', 'application/json; charset=utf-8', 'text/html', 'text/event-stream', ''];

fuzz<{ body: string; type: string }>({
  name: 'answers of servers',
  inputs: mutated(replies, (base, draws, story) => {
    const body = mutateJsonText(base, draws, story);
    return { body, type: TYPES[Math.max(0, ((draws[0] as Draw)[3] % 12) - 7)] as string };
  }),
  read: async ({ body, type }) => {
    const response = new Response(body, { headers: { 'content-type': type } });
    const text = await readText(response, 300_000);
    const fault = readFault(text);
    must(/^[\x20-\x7e]{0,240}$/.test(fault), `a fault on one line, not ${JSON.stringify(fault)}`);
    if (text.includes('"data"')) return readModels(response, text);
    return readReply(response, text, LIMIT);
  },
  errors: [HelperError],
  holds: (read: Written | string[]) => {
    if (Array.isArray(read)) return;
    const { text, tokens, logProb, pieces = [] } = read.message;
    must(text.length <= 16 * 64 && !text.includes('\n'), `${text.length} characters`);
    must(tokens <= 16 && pieces.length <= 16, `${tokens} tokens`);
    must(logProb === null || Number.isFinite(logProb), `a log-probability of ${logProb}`);
    must(Number.isSafeInteger(read.promptTokens), 'tokens of the prompt');
  },
  size: ({ body }) => body.length,
});

// Addresses

const hashes = [
  '#preset=arithmetic-2-1&seed=3',
  '#recording=grown-1-1&hide=task,training&theme=dark',
  '#task=arithmetic&level=2&layers=2-1&bundle=https://a.example/x.zip',
];

fuzz<string>({
  name: 'keys in an address',
  inputs: mutated(hashes, (base, draws, story, other) =>
    draws.reduce((text, draw) => mutateText(text, draw, story, other), base),
  ),
  read: readKeys,
  errors: [],
  holds: (keys: Keys | null) => {
    if (!keys) return;
    const values = Object.values(keys);
    must(
      values.every((value) => value !== '' && value.length <= 2048),
      'values of limited length',
    );
    // A key that was read is written so that it is read again as the same, unless that is longer than what is read.
    const again = writeKeys(keys);
    if (again.length < 2048) must(JSON.stringify(readKeys(`#${again}`)) === JSON.stringify(keys), 'the same again');
  },
  size: (text) => text.length,
});
