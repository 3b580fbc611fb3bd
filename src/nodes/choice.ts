/** What a reader types or picks as a model, and the run that follows from it. */
import { BUILT_IN_MODELS, parseSpec, type RunSpec } from '../spec.ts';
import { LARGE_MODEL } from './catalogue.ts';

/** What a run on a built-in model has where nobody said otherwise. */
const SMALL_MODEL: typeof LARGE_MODEL = {
  sampling: { maxNewTokens: 8 },
  training: { problems: 32, samples: 16, learningRate: 1e-3 },
  evaluation: { problems: 200 },
};

const isSmall = (model: string): boolean => BUILT_IN_MODELS.includes(model);

/**
 * The same run on another model. Between a built-in model and one of thousand times the size, message length and the size
 * of a step change too. Throws a SpecError for what cannot be a model.
 */
export function withModel(spec: RunSpec, model: string, bits?: RunSpec['bits']): RunSpec {
  const { bits: _, prompt: __, ...rest } = spec;
  const sizes = isSmall(model) === isSmall(spec.model) ? {} : isSmall(model) ? SMALL_MODEL : LARGE_MODEL;
  return parseSpec({
    ...rest,
    model,
    ...(bits !== undefined && { bits }),
    sampling: { ...spec.sampling, ...sizes.sampling },
    training: { ...spec.training, ...sizes.training },
    evaluation: { ...spec.evaluation, ...sizes.evaluation },
  });
}

/**
 * A model from what was typed: `owner/name`, an address, or the address of a repository's page on huggingface.co, whose
 * files lie elsewhere. Throws an Error of one line for anything else.
 */
export function readModel(typed: string): string {
  const text = typed.trim();
  const page = /^(?:https?:\/\/)?(?:www\.)?huggingface\.co\/([\w.-]+\/[\w.-]+)(?:\/(?:tree|blob)\/main)?\/?$/i.exec(
    text,
  );
  const model = page?.[1] ?? text;
  if (!/^https?:\/\//i.test(model) && !/^[a-z\d][\w.-]*\/[\w.-]+$/i.test(model)) {
    throw new Error('Write owner/name of a repository on huggingface.co, or an address that begins with https://.');
  }
  return model;
}
