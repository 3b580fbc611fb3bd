// Completes q|k|v by scale z Bᵀ and the bias, in place: what a norm of queries and keys has to wait for. A thread does 8
// tokens × 4 columns.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<uniform> matrix: Matrix;
@group(0) @binding(2) var<uniform> extras: array<vec4f, EXTRAS>;
@group(0) @binding(3) var<storage, read> z: array<f32>;
@group(0) @binding(4) var<storage, read> tiles: array<Tile>;
@group(0) @binding(5) var<storage, read> adapters: array<f32>;
@group(0) @binding(6) var<storage, read_write> qkv: array<vec4f>;

const ALL_HEADS = HEADS + 2u * KV_HEADS;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  let tile = index / (ALL_HEADS * HEAD4);
  if (tile >= dims.tiles) { return; }
  let column4 = index % (ALL_HEADS * HEAD4);
  let head = column4 / HEAD4;
  let adapter = tiles[tile];
  let part = u32(head >= HEADS) + u32(head >= HEADS + KV_HEADS);
  let stride = 3u * dims.maxRank;
  var bias = vec4f();
  if (BIAS) { bias = extras[column4]; }
  $for t in 8 { var sum$t = bias; }
  for (var j = 0u; j < adapter.rank; j++) {
    let b = upColumn(adapter, matrix, 4u * column4, j);
    $for t in 8 { sum$t += z[(8u * tile + $tu) * stride + part * dims.maxRank + j] * b; }
  }
  $for t in 8 { qkv[(8u * tile + $tu) * ALL_HEADS * HEAD4 + column4] += sum$t; }
}
