/**
 * A session whose GPU device is lost in every phase of a step, again and again: real devices (Dawn), the engine as a worker
 * serves it, across a message port. LOSSES=50 for many.
 */
import { MessageChannel } from 'node:worker_threads';
import { expose } from 'comlink';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { WorkerLike } from '../../src/nodes/link.ts';
import { createPool } from '../../src/nodes/pool.ts';
import { Session } from '../../src/session/session.ts';
import { parseSpec } from '../../src/spec.ts';
import { randomModel } from '../../workers/engine/random-model.ts';
import { servedEngine } from '../../workers/engine/served.ts';
import { noDevice, testGpu } from '../gpu.ts';
import { writeMlc } from '../support/model-folder.ts';

type Phase = 'load' | 'prefill' | 'decode' | 'backward' | 'adam' | 'times' | 'adapter';

/**
 * Each a loss, and another before there is a new checkpoint. Passes of a step, and `load`: while the next engine compiles
 * its kernels; `adapter`: the browser has no GPU for a moment; `times`: an update's result was read, but not yet its times.
 */
const PAIRS: readonly (readonly [Phase, Phase])[] = [
  ['prefill', 'load'],
  ['adam', 'adapter'],
  ['times', 'load'],
  ['decode', 'backward'],
];
const LOSSES = Number(process.env['LOSSES'] ?? 2 * PAIRS.length);
const MODEL = 'https://models.example/tiny/';

const spec = parseSpec({
  model: MODEL,
  prompt: 'compact',
  engine: 'webgpu',
  task: { name: 'arithmetic', level: 1 },
  graph: { layers: [1] },
  lora: { rank: 2 },
  training: { steps: LOSSES + 2, problems: 1, samples: 2, learningRate: 1e-3 },
  sampling: { maxNewTokens: 4 },
  evaluation: { problems: 1, every: 0 },
  checkpoints: { every: 1 },
});

const folder = writeMlc(
  randomModel({
    ...{ hiddenSize: 16, intermediateSize: 24, layers: 1, heads: 2, kvHeads: 1, headSize: 8 },
    ...{ vocabularySize: 128, stopIds: [10], tieEmbedding: true },
  }),
  { reals: { dtype: 'float16', format: 'f16' }, shards: 1 },
);

/** Whether the device is to be lost now: asked at the beginning of each pass, and wherever else a phase begins. */
let loses: (phase: string) => boolean = () => false;

/** A GPU whose devices say what is done with them. */
function tapped(gpu: GPU, opened: GPUDevice[]): GPU {
  return {
    async requestAdapter(options?: GPURequestAdapterOptions) {
      if (loses('adapter')) return null;
      const adapter = (await gpu.requestAdapter(options))!;
      const request = adapter.requestDevice.bind(adapter);
      adapter.requestDevice = async (descriptor) => {
        const device = await request(descriptor);
        opened.push(device);
        const encoderOf = device.createCommandEncoder.bind(device);
        device.createCommandEncoder = (about) => {
          const encoder = encoderOf(about);
          const begin = encoder.beginComputePass.bind(encoder);
          encoder.beginComputePass = (pass) => {
            if (loses(pass?.label ?? '')) device.destroy();
            return begin(pass);
          };
          return encoder;
        };
        const pipelineOf = device.createComputePipelineAsync.bind(device);
        device.createComputePipelineAsync = (about) => {
          if (loses('load')) device.destroy();
          return pipelineOf(about);
        };
        const bufferOf = device.createBuffer.bind(device);
        device.createBuffer = (about) => {
          const buffer = bufferOf(about);
          if (about.label !== 'pass-timer-staging') return buffer;
          const map = buffer.mapAsync.bind(buffer);
          buffer.mapAsync = (...range) => {
            if (loses('times')) device.destroy();
            return map(...range);
          };
          return buffer;
        };
        return device;
      };
      return adapter;
    },
  } as GPU;
}

/** A worker in this thread. Ended, it takes its devices with it, as the browser's do. */
function startWorker(): WorkerLike {
  const { port1, port2 } = new MessageChannel();
  const opened: GPUDevice[] = [];
  const gpu = tapped(testGpu(), opened);
  const fetch = (url: string) => {
    const bytes = folder.get(new URL(url).pathname.split('/').at(-1)!);
    return Promise.resolve(bytes ? new Response(bytes) : new Response(null, { status: 404 }));
  };
  expose(
    servedEngine(() => ({ gpu, fetch })),
    port1 as unknown as MessagePort,
  );
  return {
    postMessage: (message, transfer) => port2.postMessage(message, transfer as []),
    addEventListener: (type, listener) => port2.addEventListener(type, listener),
    removeEventListener: (type, listener) => port2.removeEventListener(type, listener),
    terminate: () => {
      for (const device of opened) device.destroy();
      port1.close();
      port2.close();
    },
  };
}

function newSession(): Session {
  return new Session({
    ...{ spec, base: 'https://models.example/', openStore: null },
    createEngine: ({ engine, model }, onProgress) =>
      createPool({ engine, model, onProgress, createWorker: () => startWorker() }),
  });
}

/** All that a run has come to, but for times. */
async function outcome(session: Session): Promise<unknown> {
  const { adapters, curve, evaluations, step } = await session.trainer!.snapshot();
  return { adapters, curve: curve.map(({ seconds: _, ...point }) => point), evaluations, step };
}

beforeAll(() => {
  vi.stubGlobal('document', new EventTarget());
});
afterAll(() => {
  vi.unstubAllGlobals();
});

describe.skipIf(await noDevice())('a session on WebGPU', () => {
  test(
    'whose device is lost in every phase, again and again, comes to what it would have come to',
    { timeout: 0 },
    async () => {
      const undisturbed = newSession();
      await undisturbed.play();
      expect(undisturbed.state).toMatchObject({ trouble: null, finished: true });
      const expected = await outcome(undisturbed);
      await undisturbed.dispose();

      const session = newSession();
      const lost: Phase[] = [];
      const plan = Array.from({ length: LOSSES }, (_, i) => PAIRS[Math.floor(i / 2) % PAIRS.length]![i % 2]!);
      let lostAt = -1;
      let furthest = -1;
      let before = '';
      loses = (phase) => {
        const { step } = session.state;
        const firstOfPair = lost.length % 2 === 0;
        const due = phase === plan[lost.length] && !(firstOfPair && step <= furthest);
        // Only those of an update: a checkpoint that fails is no loss yet.
        const wrong = phase === 'times' && before !== 'adam';
        before = phase;
        if (!due || wrong) return false;
        lostAt = step;
        furthest = Math.max(furthest, step);
        lost.push(phase);
        return true;
      };
      const stepsLost: number[] = [];
      let seen: unknown = null;
      session.on('change', ({ detail: { recovered } }) => {
        if (recovered && recovered !== seen) stepsLost.push(lostAt - recovered.step);
        seen = recovered;
      });
      await session.play();
      expect(session.state).toMatchObject({ trouble: null, finished: true });
      expect(lost).toEqual(plan);
      // The checkpoint of a step may have been under way when the device went away.
      expect(Math.max(...stepsLost)).toBeLessThanOrEqual(1);
      expect(await outcome(session)).toEqual(expected);
      await session.dispose();
    },
  );
});
