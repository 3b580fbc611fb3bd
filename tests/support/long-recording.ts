/** A recording of a run of 10,000 steps, by the real recorder and encoder; only the numbers of the run are made up. */
import { packRecording } from '../../src/recording/file.ts';
import { Recorder } from '../../src/recording/recorder.ts';
import { parseSpec } from '../../src/spec.ts';
import { train, Trainer } from '../../src/training/train.ts';
import type { StepReport } from '../../src/training/types.ts';
import { tinyEngine } from './tiny.ts';

export const LONG = 10_000;

export async function longRecording(): Promise<Uint8Array<ArrayBuffer>> {
  const spec = parseSpec({
    task: { name: 'arithmetic', level: 3 },
    graph: { layers: [3, 2, 1] },
    lora: { rank: 2 },
    training: { steps: 1, problems: 2, samples: 2 },
    evaluation: { problems: 6, every: 1 },
    checkpoints: { every: 0 },
  });
  const short = await Trainer.create({ spec, engine: await tinyEngine() });
  let report: StepReport | undefined;
  for await (const event of train(short)) if (event.type === 'step') ({ report } = event);
  const first = report?.transcripts[0];
  if (!report || !first) throw new Error('the run had no step');
  const snapshot = await short.snapshot();
  const curve = Array.from({ length: LONG }, (_, i) => ({
    ...report.point,
    step: i + 1,
    // Noise, which packs worst.
    reward: Math.abs(Math.sin(i * i)),
    kl: Math.abs(Math.cos(i * i)),
    seconds: 1 + Math.abs(Math.sin(i ** 3)),
  }));
  const evaluations = curve
    .filter(({ step }) => step % 50 === 0)
    .map(({ step }) => ({ step, accuracy: step / LONG, problems: 100, level: 3 }));
  const long = await Trainer.create({
    spec,
    engine: await tinyEngine(),
    checkpoint: { ...snapshot, step: LONG, curve, evaluations },
  });
  const recorder = new Recorder(spec);
  recorder.seen(long, 0, snapshot.transcripts);
  for (const point of curve) {
    const nodes = first.nodes.map((part, i) => {
      const text = Math.abs(Math.sin(point.step + i))
        .toString(36)
        .slice(2, 10);
      return { ...part, message: { ...part.message, text } };
    });
    const transcripts = [{ ...first, nodes }];
    await recorder.note({ type: 'step', step: point.step, report: { ...report, point, transcripts } }, long);
    if (point.step % 10 === 0) recorder.seen(long, point.step, snapshot.transcripts);
  }
  const device = { engine: 'reference' as const, name: 'made up' };
  return packRecording(recorder.recording(long, { name: 'Long', device, created: Date.UTC(2026, 10, 24) }));
}
