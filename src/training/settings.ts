/** What may change while a network trains, and what makes two specifications the same network. */
import type { NodeUpdate } from '../../workers/engine-api.ts';
import { parseSpec, SpecError, type RunSpec, type RunSpecInput } from '../spec.ts';

/** The settings `Trainer.configure` takes; whatever is left out stays as it is. */
export interface Settings {
  task?: { level?: number };
  sampling?: RunSpecInput['sampling'];
  training?: RunSpecInput['training'];
  evaluation?: RunSpecInput['evaluation'];
  checkpoints?: RunSpecInput['checkpoints'];
  /** Replaced as a whole; null switches it off. */
  curriculum?: RunSpecInput['curriculum'] | null;
  growth?: RunSpecInput['growth'] | null;
}

const PARTS = ['task', 'sampling', 'training', 'evaluation', 'checkpoints', 'curriculum', 'growth'];

/** The specification with the settings in place, checked as a whole. Throws a SpecError. */
export function mergeSettings(spec: RunSpec, settings: Settings): RunSpec {
  for (const key of Object.keys(settings)) {
    if (!PARTS.includes(key)) {
      throw new SpecError(`${key.slice(0, 40)} cannot be changed while a network trains; start a new run`);
    }
  }
  const { curriculum, growth, ...others } = spec;
  const schedules = {
    curriculum: settings.curriculum === undefined ? curriculum : (settings.curriculum ?? undefined),
    growth: settings.growth === undefined ? growth : (settings.growth ?? undefined),
  };
  const merged = parseSpec({
    ...others,
    ...(schedules.curriculum && { curriculum: schedules.curriculum }),
    ...(schedules.growth && { growth: schedules.growth }),
    task: { ...spec.task, ...settings.task },
    sampling: { ...spec.sampling, ...settings.sampling },
    training: { ...spec.training, ...settings.training },
    evaluation: { ...spec.evaluation, ...settings.evaluation },
    checkpoints: { ...spec.checkpoints, ...settings.checkpoints },
  });
  if (merged.task.name !== spec.task.name) {
    throw new SpecError('task.name cannot be changed while a network trains; start a new run');
  }
  return merged;
}

/** Throws an Error that names the first difference which makes the adapters of one useless in the other. */
export function checkSameNetwork(saved: RunSpec, wanted: RunSpec): void {
  checkSameBase(saved, wanted);
  checkSame(saved, wanted, ['graph']);
}

/** As `checkSameNetwork`, for networks that grow: their graphs may differ. */
export function checkSameBase(saved: RunSpec, wanted: RunSpec): void {
  checkSame(saved, wanted, ['model', 'bits', 'lora']);
}

type Part = 'model' | 'bits' | 'lora' | 'graph';

function checkSame(saved: RunSpec, wanted: RunSpec, parts: readonly Part[]): void {
  for (const part of parts) {
    const [was, is] = [canonical(sameness(saved, part)), canonical(sameness(wanted, part))];
    if (was !== is) throw new Error(`the checkpoint is of another network: its ${part} is ${was}, this one's is ${is}`);
  }
}

/** A helper may move to another server, or be another model: it is the same network as long as it is a helper. */
function sameness(spec: RunSpec, part: Part): unknown {
  const { helpers } = spec.graph;
  return part === 'graph' && helpers ? { ...spec.graph, helpers: Object.keys(helpers).sort() } : spec[part];
}

/** JSON with sorted keys, for comparing. */
function canonical(value: unknown): string {
  return JSON.stringify(value ?? null, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** An engine has found a number that is not finite, and has updated nothing (workers/engine/non-finite.ts). */
export const isNonFinite = (error: unknown): error is Error =>
  error instanceof Error && error.name === 'NonFiniteError';

/** Throws an Error that names the node and the step whose update is not a finite number: for engines that do not look. */
export function checkFinite(nodes: readonly NodeUpdate[], step: number): void {
  for (const update of nodes) {
    for (const name of ['loss', 'gradNorm', 'kl', 'entropy', 'change'] as const) {
      if (!Number.isFinite(update[name])) {
        throw new Error(
          `step ${step}, node ${update.node}: the ${name} is ${update[name]}; training stopped; lower the learning rate and go on from the last checkpoint`,
        );
      }
    }
  }
}
