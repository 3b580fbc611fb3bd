/**
 * Adapters as the `peft` library stores them: `adapter_config.json` and `adapter_model.safetensors`. What is exported
 * loads there on the unquantised base; what was trained there loads here. Adam moments are not part of the format.
 */
import type { AdapterState, AdapterTensor } from '../../workers/engine-api.ts';
import { quoteValue } from '../spec-issues.ts';
import { readSafetensors, writeSafetensors } from './safetensors.ts';

const PREFIX = 'base_model.model.';

/** An adapter that does not fit: the message names the field or tensor. */
export class PeftError extends Error {
  override name = 'PeftError';
}

export interface PeftAdapter {
  /** `adapter_config.json` */
  config: string;
  /** `adapter_model.safetensors` */
  weights: Uint8Array<ArrayBuffer>;
}

/** @param baseModel Name or address of the base model, for `base_model_name_or_path`. */
export function writePeft(state: AdapterState, baseModel: string): PeftAdapter {
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: baseModel,
    r: state.rank,
    lora_alpha: state.alpha,
    lora_dropout: 0,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    target_modules: targetModules(state.tensors),
  };
  const tensors = state.tensors.map(({ name, shape, offset }) => {
    const data = state.weights.subarray(offset, offset + shape[0] * shape[1]);
    return [PREFIX + name, { shape, data }] as const;
  });
  return {
    config: `${JSON.stringify(config, null, 2)}\n`,
    weights: writeSafetensors(tensors, { format: 'pt', node: state.node, updates: String(state.updates) }),
  };
}

/**
 * Reads an adapter for a node. `like` is the state of any node on the same base with the same rank: it says which
 * tensors there must be, of what shape, and how they lie in memory; where its alpha is another than the file's, B is scaled
 * so that the adapter does the same. Throws a PeftError that names the first mismatch, or a SafetensorsError.
 */
export function readPeft(adapter: { config: string; weights: Uint8Array }, like: AdapterState): AdapterState {
  const config = parseConfig(adapter.config);
  if (config.peft_type !== 'LORA') throw mismatch('peft_type', config.peft_type, '"LORA"');
  if (config.r !== like.rank) throw mismatch('r', config.r, String(like.rank));
  const alpha = config.lora_alpha;
  if (typeof alpha !== 'number' || !(alpha > 0 && alpha <= 1024)) {
    throw mismatch('lora_alpha', alpha, 'a number above 0, at most 1024');
  }
  // Options that change what the numbers mean; left out or false in plain LoRA.
  for (const option of ['use_rslora', 'use_dora', 'fan_in_fan_out'] as const) {
    if (config[option]) throw mismatch(option, config[option], 'false');
  }
  for (const option of ['rank_pattern', 'alpha_pattern'] as const) {
    const value = config[option];
    if (typeof value === 'object' && value !== null && Object.keys(value).length > 0) {
      throw mismatch(option, value, 'empty: all projections have one rank and alpha');
    }
  }
  checkTargets(config['target_modules'], targetModules(like.tensors));

  const { tensors } = readSafetensors(adapter.weights);
  const base = config['base_model_name_or_path'];
  const trainedOn = typeof base === 'string' && base ? `; the adapter says it was trained on ${quoteValue(base)}` : '';
  const weights = new Float32Array(like.weights.length);
  for (const { name, shape, offset } of like.tensors) {
    const tensor = tensors.get(PREFIX + name);
    if (!tensor) throw new PeftError(`the tensor ${PREFIX}${name} is missing${trainedOn}`);
    if (tensor.shape.length !== 2 || tensor.shape[0] !== shape[0] || tensor.shape[1] !== shape[1]) {
      throw new PeftError(
        `${PREFIX}${name} has shape [${tensor.shape.join(', ')}], not [${shape.join(', ')}]${trainedOn}`,
      );
    }
    if (!tensor.data.every(Number.isFinite)) throw new PeftError(`${PREFIX}${name} has values that are not finite`);
    const factor = name.includes('.lora_B.') ? alpha / like.alpha : 1;
    weights.set(factor === 1 ? tensor.data : tensor.data.map((value) => value * factor), offset);
    tensors.delete(PREFIX + name);
  }
  const [extra] = tensors.keys();
  if (extra !== undefined) {
    throw new PeftError(`the tensor ${quoteValue(extra)} has no place in this model${trainedOn}`);
  }
  return {
    node: like.node,
    rank: like.rank,
    alpha: like.alpha,
    updates: 0,
    weights,
    m: new Float32Array(weights.length),
    v: new Float32Array(weights.length),
    tensors: structuredClone(like.tensors),
  };
}

/** `q_proj`, `up_proj`, …: the modules that have an adapter, in the order they first appear. */
export function targetModules(tensors: readonly AdapterTensor[]): string[] {
  return [...new Set(tensors.map(({ name }) => name.split('.').at(-3) ?? ''))];
}

/** A text is a pattern, or `all-linear`: what it took then shows in the tensors. */
function checkTargets(targets: unknown, wanted: readonly string[]): void {
  if (!Array.isArray(targets)) return;
  const last = targets.map((target) => (typeof target === 'string' ? (target.split('.').at(-1) ?? '') : ''));
  if (wanted.every((name) => last.includes(name)) && last.every((name) => wanted.includes(name))) return;
  throw mismatch('target_modules', targets, `all of ${wanted.join(', ')}`);
}

function parseConfig(text: string): Record<string, unknown> {
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch (error) {
    throw new PeftError('adapter_config.json is not JSON', { cause: error });
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new PeftError('adapter_config.json is not a JSON object');
  }
  return config as Record<string, unknown>;
}

function mismatch(field: string, value: unknown, allowed: string): PeftError {
  const found = value === undefined ? 'missing' : quoteValue(value);
  return new PeftError(`adapter_config.json: ${field} is ${found}; it must be ${allowed}`);
}
