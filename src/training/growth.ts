/**
 * The schedule of a run, carried out: levels are raised, networks grown, collapses undone. Every decision is an event
 * with its reason. What to decide is found by the pure functions of `curriculum.ts`; this is where it happens.
 */
import { describeEdit, editOf, waysToGrow, type NetworkEdit } from '../graph/grow.ts';
import { GraphError } from '../graph/plan.ts';
import {
  isCollapsed,
  isPassed,
  isStalled,
  isWorseThanAllowed,
  levelsOf,
  nextLevel,
  noteChange,
  practiceLevel,
} from './curriculum.ts';
import type { Trainer } from './trainer.ts';
import type { Checkpoint, Decision, Evaluation } from './types.ts';

export type { Decision } from './types.ts';

/** Where the best network so far is kept. */
export interface Best {
  checkpoint: Checkpoint | null;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const networkOf = (step: number): string => (step === 0 ? 'the untrained network' : `the network of step ${step}`);

function decision(trainer: Trainer, action: Decision['action'], reason: string): Decision {
  return trainer.note(action, reason);
}

/** Measures the level that is trained and, in a curriculum, every other with a quarter of the problems, and records it. */
export async function measureAll(
  trainer: Trainer,
  signal?: AbortSignal,
): Promise<{ evaluation: Evaluation; score: number }> {
  const { spec } = trainer;
  const evaluation = await trainer.evaluate({ signal });
  const levels: { level: number; accuracy: number }[] = [];
  for (const level of levelsOf(spec)) {
    const problems = Math.max(1, Math.ceil(spec.evaluation.problems / 4));
    const { accuracy } = level === spec.task.level ? evaluation : await trainer.evaluate({ level, problems, signal });
    levels.push({ level, accuracy });
  }
  const score = levels.reduce((sum, { accuracy }) => sum + accuracy, 0) / levels.length;
  trainer.record(evaluation, spec.curriculum ? score : undefined);
  if (spec.curriculum) trainer.schedule = { ...trainer.schedule, levels };
  return { evaluation: { ...evaluation, ...(spec.curriculum ? { levels } : {}) }, score };
}

/** Remembers a network that is the best so far, the latest among equals; says whether it is. */
export async function noteBest(trainer: Trainer, best: Best, score: number): Promise<boolean> {
  const { schedule, stepsDone } = trainer;
  if (schedule.best && score < schedule.best.score) return false;
  trainer.schedule = { ...schedule, best: { score, step: stepsDone } };
  best.checkpoint = await trainer.snapshot();
  return true;
}

/** After a measurement: goes back to the best network if this one has collapsed. */
export async function undoCollapse(trainer: Trainer, best: Best, score: number): Promise<Decision | null> {
  const { schedule, spec, stepsDone } = trainer;
  if (!best.checkpoint || !schedule.best || !isCollapsed(schedule, spec, stepsDone, score)) return null;
  const { score: top, step } = schedule.best;
  await goBack(trainer, best.checkpoint);
  return decision(
    trainer,
    'roll-back',
    `accuracy ${percent(score)} is far below the best, ${percent(top)}; back to ${networkOf(step)}`,
  );
}

/** At the end of a run: the best network is the one that stays, unless the last one is as good as makes no difference. */
export async function endAtBest(trainer: Trainer, best: Best, score: number): Promise<Decision | null> {
  const top = trainer.schedule.best;
  if (!best.checkpoint || !top || !isWorseThanAllowed(trainer.schedule, trainer.spec, score)) return null;
  await goBack(trainer, best.checkpoint);
  return decision(
    trainer,
    'roll-back',
    `the run ends at ${percent(score)}, below its best, ${percent(top.score)}; it keeps ${networkOf(top.step)}`,
  );
}

async function goBack(trainer: Trainer, checkpoint: Checkpoint): Promise<void> {
  await trainer.goBack(checkpoint);
  const { best } = trainer.schedule;
  // What growth was done since then is undone, so its rules apply again, from other random numbers.
  const done = checkpoint.schedule?.done ?? [];
  trainer.schedule = { ...noteChange(trainer.schedule, trainer.stepsDone), done: [...done], best };
}

/** What is due after a step, if anything. */
export type Due = { rule: number; reason: string } | { level: number; reason: string } | null;

/** Rules first, in their order; a level is raised only when no rule of it is left, so a grown network passes it again. */
export function dueNow(trainer: Trainer): Due {
  const { spec, schedule, stepsDone } = trainer;
  const passed = isPassed(schedule, spec);
  const average = percent(schedule.average ?? 0);
  for (const [rule, { when, at }] of spec.growth?.schedule.entries() ?? []) {
    if (when === 'stall') {
      if (!passed && isStalled(schedule, spec, stepsDone) && hasRoom(trainer)) {
        return {
          rule,
          reason: `no progress for ${spec.growth?.patience ?? 0} steps at an average reward of ${average}`,
        };
      }
    } else if (!schedule.done.includes(rule)) {
      if (when === 'step' && stepsDone >= (at ?? 0)) return { rule, reason: `step ${stepsDone} is reached` };
      if (when === 'begin' && spec.task.level >= (at ?? 0)) return { rule, reason: `level ${spec.task.level} begins` };
      if (when === 'level' && passed && spec.task.level === at) {
        return { rule, reason: `level ${at} is passed with an average reward of ${average}` };
      }
    }
  }
  const next = passed ? nextLevel(spec) : undefined;
  return next === undefined
    ? null
    : { level: next, reason: `level ${spec.task.level} is passed with an average reward of ${average}` };
}

const hasRoom = (trainer: Trainer): boolean => trainer.plan.nodes.length < (trainer.spec.growth?.maxNodes ?? 0);

/** Raises the level or grows the network. Yields a decision for everything that happens, trials included. */
export async function* carryOut(
  trainer: Trainer,
  due: NonNullable<Due>,
  signal?: AbortSignal,
): AsyncGenerator<Decision, void, void> {
  if ('level' in due) {
    trainer.configure({ task: { level: due.level } });
    yield decision(trainer, 'level', `on to level ${due.level}: ${due.reason}`);
    return;
  }
  const { spec } = trainer;
  const rule = spec.growth?.schedule[due.rule];
  if (!rule) return;
  const edit = editOf(rule);
  if (rule.when !== 'stall') trainer.schedule = { ...trainer.schedule, done: [...trainer.schedule.done, due.rule] };
  if (edit) {
    const made = await grow(trainer, edit, due.reason);
    // Before it is told: whoever is told may stop there.
    trainer.schedule = noteChange(trainer.schedule, trainer.stepsDone);
    yield made;
  } else yield* tryAll(trainer, waysToGrow(spec.graph), due.reason, signal);
}

async function grow(trainer: Trainer, edit: NetworkEdit, reason: string): Promise<Decision> {
  try {
    const start = trainer.spec.growth?.start ?? 'base';
    const added = await trainer.edit(edit, start);
    const how = added.length > 0 ? `, starting ${start === 'silent' ? 'silent' : `as ${start}`}` : '';
    return decision(trainer, 'grow', `${describeEdit(edit)}${how}: ${reason}`);
  } catch (error) {
    if (!(error instanceof GraphError)) throw error;
    return decision(trainer, 'refused', `${describeEdit(edit)} is not possible: ${error.message}`);
  }
}

/**
 * Tries each edit, and none, for a few steps from the same point on the same problems, and keeps what earned the highest
 * mean reward in the second half of its steps. The steps of the winner count; those of the others are told. After a decision of
 * the kind `trial` the network is one that is being tried: nothing is to be kept of it before the next decision.
 */
async function* tryAll(
  trainer: Trainer,
  edits: readonly NetworkEdit[],
  reason: string,
  signal?: AbortSignal,
): AsyncGenerator<Decision, void, void> {
  const before = await trainer.snapshot();
  const steps = trainer.spec.growth?.trialSteps ?? 1;
  let winner: { edit: NetworkEdit | null; reward: number; calls: number; end: Checkpoint } | null = null;
  let spent = 0;
  const refused: Decision[] = [];
  try {
    for (const edit of [null, ...edits]) {
      await trainer.restore(before);
      if (edit) {
        const done = await grow(trainer, edit, 'for a trial');
        if (done.action === 'refused') {
          refused.push(done);
          continue;
        }
      }
      const rewards: number[] = [];
      let calls = 0;
      for (let step = 0; step < steps; step++) {
        signal?.throwIfAborted();
        const level = practiceLevel(trainer.spec, trainer.stepsDone, trainer.schedule);
        const { point } = await trainer.step({ signal, level });
        rewards.push(point.reward);
        calls += point.calls ?? 0;
      }
      spent += calls;
      const late = rewards.slice(Math.floor(steps / 2));
      const reward = late.reduce((sum, r) => sum + r, 0) / late.length;
      const what = edit ? describeEdit(edit) : 'the network is left as it is';
      yield decision(trainer, 'trial', `${what}: mean reward ${reward.toFixed(3)} after ${steps} steps`);
      if (!winner || reward > winner.reward) winner = { edit, reward, calls, end: await trainer.snapshot() };
    }
  } catch (error) {
    // A trial that is cut short leaves the network as it was.
    await trainer.restore(before);
    throw error;
  }
  await trainer.restore(winner?.end ?? before);
  const { schedule } = trainer;
  const trialCalls = (schedule.trialCalls ?? 0) + spent - (winner?.calls ?? 0);
  trainer.schedule = { ...noteChange(schedule, trainer.stepsDone), trialCalls };
  const kept = winner?.edit
    ? `${describeEdit(winner.edit)}, the best of ${edits.length + 1} trials`
    : 'no trial did better than none';
  yield* [...refused, decision(trainer, 'grow', `${kept}: ${reason}`)];
}
