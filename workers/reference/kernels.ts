/** What a pass is computed with: the room its matrices lie in, and the inner loops. */
import { type AttentionMemory, type AttentionShape, type KeysValues, type Reads } from './attention.ts';
import { attentionBackward, attentionForward } from './attention.ts';
import { swigluBackward, swigluForward } from './mlp.ts';
import { normBackward, normForward } from './norm.ts';
import { type RopeTable, rotate } from './rope.ts';
import {
  type Matrix,
  type Precision,
  type Products,
  type Room,
  type Vec,
  plainProducts,
  zeroMatrix,
  zeros,
} from './tensor.ts';

/** The plain ones, in `attention.ts`, `mlp.ts`, `norm.ts` and `tensor.ts`, are the oracle of all others. */
export interface Kernels extends Room, Products {
  readonly precision: Precision;
  /**
   * Runs `work`, after which the matrices made in it are no more. The outermost scope may begin again where room runs out, so
   * what it changes outside has to come out the same twice.
   */
  scope<T>(work: () => T): T;
  /** The same for work that makes one whole matrix of use: it is kept for as long as the scope around it. */
  only<T extends Matrix | null>(work: () => T): T;

  /** x wᵀ, as `forward` adds it */
  product(x: Matrix, w: Matrix): Matrix;
  /** dy w, as `backward` adds it */
  productBackward(dy: Matrix, w: Matrix): Matrix;
  attentionForward(
    shape: AttentionShape,
    q: Matrix,
    kv: KeysValues,
    reads: Reads,
  ): [y: Matrix, memory: AttentionMemory];
  attentionBackward(
    shape: AttentionShape,
    dy: Matrix,
    q: Matrix,
    kv: KeysValues,
    reads: Reads,
    memory: AttentionMemory,
    dq: Matrix,
    dkv: KeysValues,
  ): void;
  swigluForward(gateUp: Matrix): Matrix;
  swigluBackward(dy: Matrix, gateUp: Matrix): Matrix;
  normForward(x: Matrix, weight: Vec, epsilon: number): [y: Matrix, r: Vec];
  rotate(x: Matrix, positions: Uint32Array, headSize: number, table: RopeTable, direction: 1 | -1): void;
  normBackward(dx: Matrix, dy: Matrix, x: Matrix, r: Vec, weight: Vec): void;
}

/** In TypeScript, on ordinary arrays. */
export function plainKernels(precision: Precision): Kernels {
  const room: Room = { zeros: (length) => zeros(precision, length) };
  return {
    ...room,
    ...plainProducts,
    precision,
    product(x, w) {
      const y = zeroMatrix(room, x.rows, w.rows);
      plainProducts.forward(y, x, w);
      return y;
    },
    productBackward(dy, w) {
      const dx = zeroMatrix(room, dy.rows, w.cols);
      plainProducts.backward(dx, dy, w);
      return dx;
    },
    scope: (work) => work(),
    only: (work) => work(),
    attentionForward: (...inputs) => attentionForward(room, ...inputs),
    attentionBackward,
    swigluForward: (gateUp) => swigluForward(room, gateUp),
    swigluBackward: (dy, gateUp) => swigluBackward(room, dy, gateUp),
    normForward: (x, weight, epsilon) => normForward(room, x, weight, epsilon),
    normBackward,
    rotate,
  };
}
