/**
 * REINFORCE with an exact KL to the base and an entropy bonus, position by position. π = softmax(logits / T), and the base
 * likewise from the logits without the adapter:
 *
 *   loss = w (β KL − η H) − Σ_c A_c log π(target_c)      KL = Σ_v π_v (log π_v − log base_v)      H = −Σ_v π_v log π_v
 *   dloss/dlogit_v = 1/T (Σ_c A_c (π_v − [v = target_c]) + w π_v (β (log π_v − log base_v − KL) + η (log π_v + H)))
 *
 * The choices c are the distinct tokens that rows wrote at the position; A_c and w are sums over these rows.
 */
import { type ReferenceModel, logitsOf } from './model.ts';
import { type Matrix, rowsOf, zeroMatrix } from './tensor.ts';

export interface LossInputs {
  /** [positions + 1] first choice of each position */
  choiceStart: Uint32Array;
  /** [choices] */
  choiceTarget: Uint32Array;
  /** [choices] */
  advantage: ArrayLike<number>;
  /** [positions] */
  weight: ArrayLike<number>;
  temperature: number;
  klBeta: number;
  entropyBeta: number;
}

export interface LossOutputs {
  /** [choices] in nats */
  logProb: Float64Array;
  /** [positions] each, in nats */
  kl: Float64Array;
  entropy: Float64Array;
  /** [positions, hidden] */
  dStates: Matrix;
}

/** Positions whose logits are held at a time, so that memory does not grow with positions × vocabulary. */
const CHUNK = 64;

/** `states` and `baseStates` are [positions, hidden], after the final norm, with and without the adapters. */
export function policyLoss(model: ReferenceModel, states: Matrix, baseStates: Matrix, inputs: LossInputs): LossOutputs {
  const { kernels } = model;
  const n = states.rows;
  const out: LossOutputs = {
    logProb: new Float64Array(inputs.choiceTarget.length),
    kl: new Float64Array(n),
    entropy: new Float64Array(n),
    dStates: zeroMatrix(kernels, n, states.cols),
  };
  const { choiceStart, choiceTarget, klBeta, entropyBeta, temperature } = inputs;
  const vocabulary = model.head.rows;
  const logPolicy = new Float64Array(vocabulary);
  const logBase = new Float64Array(vocabulary);
  const lossOf = (start: number, end: number) => {
    const logits = logitsOf(model, rowsOf(states, start, end));
    const baseLogits = logitsOf(model, rowsOf(baseStates, start, end));
    for (let i = start; i < end; i++) {
      const at = (i - start) * vocabulary;
      logSoftmax(logPolicy, logits, i - start, temperature);
      logSoftmax(logBase, baseLogits, i - start, temperature);
      let kl = 0;
      let entropy = 0;
      for (let v = 0; v < vocabulary; v++) {
        const p = Math.exp(logPolicy[v]!);
        kl += p * (logPolicy[v]! - logBase[v]!);
        entropy -= p * logPolicy[v]!;
      }
      let advantage = 0;
      for (let choice = choiceStart[i]!; choice < choiceStart[i + 1]!; choice++) {
        advantage += inputs.advantage[choice]!;
        out.logProb[choice] = logPolicy[choiceTarget[choice]!]!;
      }
      const weight = inputs.weight[i]!;
      for (let v = 0; v < vocabulary; v++) {
        const lp = logPolicy[v]!;
        const rest = klBeta * (lp - logBase[v]! - kl) + entropyBeta * (lp + entropy);
        // The logits' place takes their gradient.
        logits.data[at + v] = (Math.exp(lp) * (advantage + weight * rest)) / temperature;
      }
      for (let choice = choiceStart[i]!; choice < choiceStart[i + 1]!; choice++) {
        logits.data[at + choiceTarget[choice]!]! -= inputs.advantage[choice]! / temperature;
      }
      out.kl[i] = kl;
      out.entropy[i] = entropy;
    }
    kernels.backward(rowsOf(out.dStates, start, end), logits, model.head);
  };
  for (let start = 0; start < n; start += CHUNK) kernels.scope(() => lossOf(start, Math.min(n, start + CHUNK)));
  return out;
}

/** out = log softmax(row of logits / temperature). */
export function logSoftmax(out: Float64Array, logits: Matrix, row: number, temperature: number): void {
  const { data, cols } = logits;
  const at = logits.offset + row * logits.stride;
  let largest = -Infinity;
  for (let v = 0; v < cols; v++) largest = Math.max(largest, data[at + v]!);
  let sum = 0;
  for (let v = 0; v < cols; v++) {
    const scaled = (data[at + v]! - largest) / temperature;
    out[v] = scaled;
    sum += Math.exp(scaled);
  }
  const logSum = Math.log(sum);
  for (let v = 0; v < cols; v++) out[v]! -= logSum;
}
