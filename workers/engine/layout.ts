/**
 * Where a node's LoRA parameters lie in its flat array.
 *
 * A *group* is a set of projections that read the same input and are stored as one fused matrix: qkv, o, gate|up, down.
 * Within a group all A come first, stacked along the rank ([parts × rank, in]), then all B ([out of the part, rank] each,
 * so together [out, rank]). All offsets are linear in the rank, so a group is described by *units*: offset = units × rank.
 */
import type { AdapterTensor } from '../engine-api.ts';
import { type ModelConfig, qkvSizes } from './config.ts';

export type GroupName = 'qkv' | 'o' | 'gateUp' | 'down';
export const GROUP_NAMES: readonly GroupName[] = ['qkv', 'o', 'gateUp', 'down'];

export interface LoraPart {
  /** Hugging Face name inside the layer, for example `self_attn.q_proj`. */
  name: string;
  /** First output row inside the fused matrix. */
  start: number;
  /** Number of output rows. */
  size: number;
}

export interface LoraGroup {
  name: GroupName;
  layer: number;
  in: number;
  /** Output rows of the fused matrix. */
  out: number;
  parts: LoraPart[];
  /** Offset of A [parts × rank, in], in units of the rank. */
  unitA: number;
  /** Offset of B [out, rank], in units of the rank. */
  unitB: number;
}

export interface AdapterLayout {
  /** `groups[layer * 4 + index of GROUP_NAMES]` */
  groups: LoraGroup[];
  /** Parameters per unit of rank. */
  units: number;
}

export function adapterLayout(c: ModelConfig): AdapterLayout {
  const [q, k, v] = qkvSizes(c);
  const f = c.intermediateSize;
  const shapes: Record<GroupName, { in: number; parts: [string, number][] }> = {
    qkv: {
      in: c.hiddenSize,
      parts: [
        ['self_attn.q_proj', q],
        ['self_attn.k_proj', k],
        ['self_attn.v_proj', v],
      ],
    },
    o: { in: q, parts: [['self_attn.o_proj', c.hiddenSize]] },
    gateUp: {
      in: c.hiddenSize,
      parts: [
        ['mlp.gate_proj', f],
        ['mlp.up_proj', f],
      ],
    },
    down: { in: f, parts: [['mlp.down_proj', c.hiddenSize]] },
  };
  const groups: LoraGroup[] = [];
  let units = 0;
  for (let layer = 0; layer < c.layers; layer++) {
    for (const name of GROUP_NAMES) {
      const shape = shapes[name];
      let out = 0;
      const parts = shape.parts.map(([part, size]) => {
        out += size;
        return { name: part, start: out - size, size };
      });
      const unitA = units;
      const unitB = unitA + parts.length * shape.in;
      units = unitB + out;
      groups.push({ name, layer, in: shape.in, out, parts, unitA, unitB });
    }
  }
  return { groups, units };
}

/** The tensors of an adapter of one rank, by name, in the order of the flat array. */
export function adapterTensors(layout: AdapterLayout, rank: number): AdapterTensor[] {
  return layout.groups.flatMap((g) => {
    const prefix = `model.layers.${g.layer}.`;
    const a = g.parts.map((p, i): AdapterTensor => ({
      name: `${prefix}${p.name}.lora_A.weight`,
      shape: [rank, g.in],
      offset: rank * (g.unitA + i * g.in),
    }));
    const b = g.parts.map((p): AdapterTensor => ({
      name: `${prefix}${p.name}.lora_B.weight`,
      shape: [p.size, rank],
      offset: rank * (g.unitB + p.start),
    }));
    return [...a, ...b];
  });
}
