// z[t, part, j] = Σ_k x[t, k] A[part, j, k]: the inner activation of LoRA. A thread computes 8 tokens × 4 values of j.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> tiles: array<Tile>;
@group(0) @binding(3) var<storage, read> adapters: array<f32>;
@group(0) @binding(4) var<uniform> matrix: Matrix;
@group(0) @binding(5) var<storage, read_write> z: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  // Read once: not every compiler takes a uniform out of a loop.
  let in4 = matrix.in4;
  let parts = matrix.parts;
  let unitA = matrix.unitA;
  let maxRank = dims.maxRank;
  let index = threadIndex(group, groups, local);
  let perPart = (maxRank + 3u) / 4u;
  let tile = index / (parts * perPart);
  if (tile >= dims.tiles) { return; }
  let part = (index / perPart) % parts;
  let j = 4u * (index % perPart);
  let adapter = tiles[tile];
  if (j >= adapter.rank) { return; }
  // Values of j past the rank repeat the last one and are not written.
  let js = min(vec4u(j) + vec4u(0u, 1u, 2u, 3u), vec4u(adapter.rank - 1u));
  let a = vec4u(adapter.offset + adapter.rank * unitA) + (part * adapter.rank + js) * 4u * in4;
  $for t in 8 { var sum$t = vec4f(); }
  for (var k = 0u; k < in4; k++) {
    let down = mat4x4f(row4(a.x + 4u * k), row4(a.y + 4u * k), row4(a.z + 4u * k), row4(a.w + 4u * k));
    $for t in 8 { sum$t += x[(8u * tile + $tu) * in4 + k] * down; }
  }
  let count = min(4u, adapter.rank - j);
  $for t in 8 {
    let at$t = (8u * tile + $tu) * parts * maxRank + part * maxRank + j;
    $for i in 4 { if ($iu < count) { z[at$t + $iu] = sum$t[$i]; } }
  }
}

fn row4(at: u32) -> vec4f {
  return vec4f(adapters[at], adapters[at + 1u], adapters[at + 2u], adapters[at + 3u]);
}
