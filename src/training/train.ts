/**
 * The run: evaluate → step → … → evaluate, with checkpoints, as a stream of events. Whoever reads the events sets the
 * pace: nothing is computed before the next one is asked for.
 *
 * With a curriculum, growth or a guard the run also takes decisions (`growth.ts`), and ends at its best network.
 */
import { HelperError } from '../graph/helper.ts';
import { isScheduled, noteStep, practiceLevel, sameMeasure } from './curriculum.ts';
import { carryOut, dueNow, endAtBest, measureAll, noteBest, undoCollapse, type Best } from './growth.ts';
import { isNonFinite } from './settings.ts';
import type { Trainer } from './trainer.ts';
import type { Checkpoint, Decision, Evaluation, StepReport } from './types.ts';

export { Trainer, type EvaluateOptions, type TrainerOptions } from './trainer.ts';
export type { Settings } from './settings.ts';

/** Where checkpoints go. */
export interface CheckpointSink {
  save(checkpoint: Checkpoint): Promise<void>;
  /** In runs that go back: the best network so far, to be given to the run that resumes this one. */
  saveBest?(checkpoint: Checkpoint): Promise<void>;
}

export type TrainEvent =
  /** Greedy accuracy on test problems after `step` steps; step 0 is the untrained network. */
  | { type: 'evaluation'; step: number; evaluation: Evaluation }
  | { type: 'step'; step: number; report: StepReport }
  | { type: 'checkpoint'; step: number; best: boolean }
  /** A checkpoint could not be saved; training goes on. */
  | { type: 'checkpoint-failed'; step: number; error: Error }
  /** The level was raised, the network grown or put back, and why. */
  | Decision
  | { type: 'finished'; step: number; reason: 'steps' | 'aborted' };

export interface TrainOptions {
  /** Stops before the next layer; the step under way is forgotten, everything before it is saved. */
  signal?: AbortSignal | undefined;
  store?: CheckpointSink | undefined;
  /** Of a run that is resumed: what was saved last with `saveBest`. Without it, going back starts from the resume. */
  best?: Checkpoint | undefined;
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

  const scheduled = (): boolean => isScheduled(trainer.spec);
  const best: Best = { checkpoint: options.best ?? null };
  if (scheduled() && trainer.stepsDone > 0 && !best.checkpoint) {
    trainer.schedule = { ...trainer.schedule, best: null };
  }

  /** Of the network as it is now, if it was measured. */
  const now: { step: number; score: number } = { step: -1, score: 0 };
  /**
   * Also goes back where the measurement says so, and keeps the best: before anything of it is told, since whoever is told may
   * stop there, and change the network by hand.
   */
  async function* measure(): AsyncGenerator<TrainEvent, void, void> {
    const { stepsDone: step, spec } = trainer;
    const { evaluation, score } = await measureAll(trainer, signal);
    const events: TrainEvent[] = [{ type: 'evaluation', step, evaluation }];
    // Settings may change meanwhile; by others the score says nothing.
    if (scheduled() && sameMeasure(spec, trainer.spec)) {
      Object.assign(now, { step, score });
      if (await noteBest(trainer, best, score)) events.push(...(await saveBest()));
      const undone = await undoCollapse(trainer, best, score);
      if (undone) {
        now.step = -1;
        events.push(undone);
      }
    }
    yield* events;
  }
  async function saveBest(): Promise<TrainEvent[]> {
    if (!store?.saveBest || !best.checkpoint) return [];
    try {
      await store.saveBest(best.checkpoint);
      return [];
    } catch (error) {
      return [{ type: 'checkpoint-failed', step: trainer.stepsDone, error: asError(error) }];
    }
  }
  /** Levels and growth that are due; growth is measured before, so that it can be undone. */
  async function* decide(): AsyncGenerator<TrainEvent, void, void> {
    // A level that begins may bring nodes with it.
    for (let due = dueNow(trainer); due; due = dueNow(trainer)) {
      if ('rule' in due && measuredAt() !== trainer.stepsDone) yield* measure();
      yield* carryOut(trainer, due, signal);
    }
  }
  /**
   * What follows a step that is not the last: a test where one is due, decisions, a checkpoint. A run that was stopped right
   * after a step begins with what of it is left.
   */
  async function* settle(): AsyncGenerator<TrainEvent, void, void> {
    const { evaluation, checkpoints } = trainer.spec;
    const { decisions, evaluations } = trainer;
    // Again where trials of growth have taken steps of their own.
    for (let step = -1; step !== trainer.stepsDone;) {
      step = trainer.stepsDone;
      if (step >= trainer.spec.training.steps) return;
      if (isDue(step, evaluation.every) && measuredAt() !== step) yield* measure();
      if (scheduled()) yield* decide();
    }
    const step = trainer.stepsDone;
    const saved = savedAt === step && trainer.evaluations === evaluations && trainer.decisions === decisions;
    const isTop = isBest(trainer);
    if (store && !saved && checkpoints.every > 0 && (isTop || isDue(step, checkpoints.every))) yield await save(isTop);
  }
  async function save(best: boolean): Promise<TrainEvent> {
    const step = trainer.stepsDone;
    try {
      await store?.save(await trainer.snapshot());
      savedAt = step;
      return { type: 'checkpoint', step, best };
    } catch (error) {
      return { type: 'checkpoint-failed', step, error: asError(error) };
    }
  }

  try {
    signal?.throwIfAborted();
    if (trainer.stepsDone === 0) {
      if (measuredAt() !== 0) yield* measure();
      if (store && trainer.spec.checkpoints.every > 0) yield await save(false);
    } else yield* settle();
    while (trainer.stepsDone < trainer.spec.training.steps) {
      signal?.throwIfAborted();
      const level = practiceLevel(trainer.spec, trainer.stepsDone, trainer.schedule);
      const report = await trainer.step({ signal, details: options.details?.() ?? false, level });
      if (scheduled()) {
        const { schedule, spec, stepsDone } = trainer;
        trainer.schedule = noteStep(schedule, spec, stepsDone, level, report.point.reward);
      }
      yield { type: 'step', step: trainer.stepsDone, report };
      yield* settle();
    }
    if (measuredAt() !== trainer.stepsDone) yield* measure();
    if (scheduled() && trainer.stepsDone > 0) {
      if (now.step !== trainer.stepsDone) yield* measure();
      const put = await endAtBest(trainer, best, now.score);
      if (put) {
        yield put;
        yield* measure();
      }
    }
    if (store && savedAt !== trainer.stepsDone) yield await save(isBest(trainer));
  } catch (error) {
    if (!signal?.aborted) {
      // A helper stayed away, or numbers left their range and nothing was learned from them: the network is whole.
      const whole = error instanceof HelperError || isNonFinite(error);
      if (whole && store && trainer.stepsDone > 0 && savedAt !== trainer.stepsDone) {
        yield await save(false);
      }
      throw error;
    }
    if (store && savedAt !== trainer.stepsDone) yield await save(false);
    yield { type: 'finished', step: trainer.stepsDone, reason: 'aborted' };
    return;
  }
  yield { type: 'finished', step: trainer.stepsDone, reason: 'steps' };
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

const isDue = (step: number, every: number): boolean => every > 0 && step % every === 0;

/** Whether this step was measured, and better than every step of this level before it. */
function isBest(trainer: Trainer): boolean {
  const now = trainer.evaluations.at(-1);
  if (!now || now.step !== trainer.stepsDone) return false;
  return trainer.evaluations.every((e) => e === now || e.level !== now.level || e.accuracy < now.accuracy);
}
