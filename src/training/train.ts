/**
 * The run: evaluate → step → … → evaluate, with checkpoints, as a stream of events. Whoever reads the events sets the
 * pace: nothing is computed before the next one is asked for.
 */
import type { Trainer } from './trainer.ts';
import type { Checkpoint, Evaluation, StepReport } from './types.ts';

export { Trainer, type EvaluateOptions, type TrainerOptions } from './trainer.ts';
export type { Settings } from './settings.ts';

/** Where checkpoints go; `CheckpointStore.forRun` makes one. */
export interface CheckpointSink {
  save(checkpoint: Checkpoint): Promise<void>;
}

export type TrainEvent =
  /** Greedy accuracy on test problems after `step` steps; step 0 is the untrained network. */
  | { type: 'evaluation'; step: number; evaluation: Evaluation }
  | { type: 'step'; step: number; report: StepReport }
  | { type: 'checkpoint'; step: number; best: boolean }
  /** A checkpoint could not be saved; training goes on. */
  | { type: 'checkpoint-failed'; step: number; error: Error }
  | { type: 'finished'; step: number; reason: 'steps' | 'aborted' };

export interface TrainOptions {
  /** Stops before the next layer; the step under way is forgotten, everything before it is saved. */
  signal?: AbortSignal | undefined;
  store?: CheckpointSink | undefined;
  /** Asked before each step: whether its transcripts shall have the probability of every token. */
  details?: (() => boolean) | undefined;
}

/**
 * Trains until `training.steps` are done (in all, those before a resume included) or the signal aborts. Changes made by
 * `trainer.configure` count from the next step on. Errors of the task, of the engine and non-finite losses are thrown.
 */
export async function* train(trainer: Trainer, options: TrainOptions = {}): AsyncGenerator<TrainEvent, void, void> {
  const { signal, store } = options;
  /** Resumed runs start from what is saved. */
  let savedAt = trainer.stepsDone > 0 ? trainer.stepsDone : -1;
  const measuredAt = (): number => trainer.evaluations.at(-1)?.step ?? -1;

  async function measure(): Promise<TrainEvent> {
    const evaluation = await trainer.evaluate({ record: true, signal });
    return { type: 'evaluation', step: trainer.stepsDone, evaluation };
  }
  async function save(best: boolean): Promise<TrainEvent> {
    const step = trainer.stepsDone;
    try {
      await store?.save(await trainer.snapshot());
      savedAt = step;
      return { type: 'checkpoint', step, best };
    } catch (error) {
      return { type: 'checkpoint-failed', step, error: error instanceof Error ? error : new Error(String(error)) };
    }
  }

  try {
    signal?.throwIfAborted();
    if (trainer.stepsDone === 0) {
      if (measuredAt() !== 0) yield await measure();
      if (store && trainer.spec.checkpoints.every > 0) yield await save(false);
    }
    while (trainer.stepsDone < trainer.spec.training.steps) {
      signal?.throwIfAborted();
      const report = await trainer.step({ signal, details: options.details?.() ?? false });
      yield { type: 'step', step: trainer.stepsDone, report };

      const { training, evaluation, checkpoints } = trainer.spec;
      const step = trainer.stepsDone;
      const last = step >= training.steps;
      if (!last && isDue(step, evaluation.every)) yield await measure();
      const best = isBest(trainer);
      if (store && !last && checkpoints.every > 0 && (best || isDue(step, checkpoints.every))) yield await save(best);
    }
    if (measuredAt() !== trainer.stepsDone) yield await measure();
    if (store && savedAt !== trainer.stepsDone) yield await save(isBest(trainer));
  } catch (error) {
    if (!signal?.aborted) throw error;
    if (store && savedAt !== trainer.stepsDone) yield await save(false);
    yield { type: 'finished', step: trainer.stepsDone, reason: 'aborted' };
    return;
  }
  yield { type: 'finished', step: trainer.stepsDone, reason: 'steps' };
}

const isDue = (step: number, every: number): boolean => every > 0 && step % every === 0;

/** Whether this step was measured, and better than every step of this level before it. */
function isBest(trainer: Trainer): boolean {
  const now = trainer.evaluations.at(-1);
  if (!now || now.step !== trainer.stepsDone) return false;
  return trainer.evaluations.every((e) => e === now || e.level !== now.level || e.accuracy < now.accuracy);
}
