// Completes q|k|v by scale z Bᵀ and the bias, splits it, rotates queries and keys by their position (RoPE, halves as in Llama's Hugging
// Face layout) and stores keys and values in their KV slot: kv[slot, 0, :] = key, kv[slot, 1, :] = value. A thread does 8
// tokens × 4 pairs of values of one head.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<uniform> matrix: Matrix;
@group(0) @binding(2) var<storage, read> tokens: array<vec4u>;
@group(0) @binding(3) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(4) var<storage, read> z: array<f32>;
@group(0) @binding(5) var<storage, read> tiles: array<Tile>;
@group(0) @binding(6) var<storage, read> adapters: array<f32>;
// [positions, HALF4, 2]: cosines and sines
@group(0) @binding(7) var<storage, read> rotation: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> q: array<vec4f>;
@group(0) @binding(9) var<storage, read_write> kv: array<Kv>;
@group(0) @binding(10) var<uniform> extras: array<vec4f, EXTRAS>;

const HALF4 = HEAD4 / 2u;
const ALL_HEADS = HEADS + 2u * KV_HEADS;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  let tile = index / (ALL_HEADS * HALF4);
  if (tile >= dims.tiles) { return; }
  let head = index / HALF4 % ALL_HEADS;
  let i = index % HALF4;
  let adapter = tiles[tile];
  let part = u32(head >= HEADS) + u32(head >= HEADS + KV_HEADS);
  let column4 = head * HEAD4 + i;
  let stride = 3u * dims.maxRank;
  $for t in 8 {
    let at$t = (8u * tile + $tu) * ALL_HEADS * HEAD4 + column4;
    var a$t = qkv[at$t];
    var b$t = qkv[at$t + HALF4];
  }
  if (BIAS) {
    let low = extras[column4 % EXTRAS];
    let high = extras[(column4 + HALF4) % EXTRAS];
    $for t in 8 {
      a$t += low;
      b$t += high;
    }
  }
  for (var j = 0u; j < adapter.rank; j++) {
    let bLow = upColumn(adapter, matrix, 4u * column4, j);
    let bHigh = upColumn(adapter, matrix, 4u * (column4 + HALF4), j);
    $for t in 8 {
      let z$t = z[(8u * tile + $tu) * stride + part * dims.maxRank + j];
      a$t += z$t * bLow;
      b$t += z$t * bHigh;
    }
  }
  $for t in 8 {
    let token$t = 8u * tile + $tu;
    let meta$t = tokens[2u * token$t];
    if (part == 2u) {
      let to$t = ((meta$t.z * 2u + 1u) * KV_HEADS + head - HEADS - KV_HEADS) * HEAD4 + i;
      kv[to$t] = toKv(a$t);
      kv[to$t + HALF4] = toKv(b$t);
    } else {
      let angle$t = (meta$t.y * HALF4 + i) * 2u;
      let low$t = a$t * rotation[angle$t] - b$t * rotation[angle$t + 1u];
      let high$t = b$t * rotation[angle$t] + a$t * rotation[angle$t + 1u];
      if (part == 0u) {
        let to$t = (token$t * HEADS + head) * HEAD4 + i;
        q[to$t] = low$t;
        q[to$t + HALF4] = high$t;
      } else {
        let to$t = (meta$t.z * 2u * KV_HEADS + head - HEADS) * HEAD4 + i;
        kv[to$t] = toKv(low$t);
        kv[to$t + HALF4] = toKv(high$t);
      }
    }
  }
}
