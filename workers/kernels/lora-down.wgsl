// z[t, part, j] = Σ_k x[t, k] A[part, j, k]: the inner activation of LoRA. A thread computes 8 tokens × 4 values of j.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> tiles: array<Tile>;
@group(0) @binding(3) var<storage, read> adapters: array<f32>;
@group(0) @binding(4) var<uniform> lora: Group;
@group(0) @binding(5) var<storage, read_write> z: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  let perPart = (dims.maxRank + 3u) / 4u;
  let tile = index / (PARTS * perPart);
  if (tile >= dims.tiles) { return; }
  let part = (index / perPart) % PARTS;
  let j = 4u * (index % perPart);
  let adapter = tiles[tile];
  if (j >= adapter.rank) { return; }
  // Values of j past the rank repeat the last one and are not written.
  let js = min(vec4u(j) + vec4u(0u, 1u, 2u, 3u), vec4u(adapter.rank - 1u));
  let a = vec4u(adapter.offset + adapter.rank * lora.unitA) + (part * adapter.rank + js) * 4u * IN4;
  var sum: array<vec4f, 8>;
  for (var k = 0u; k < IN4; k++) {
    let a0 = row4(a.x + 4u * k);
    let a1 = row4(a.y + 4u * k);
    let a2 = row4(a.z + 4u * k);
    let a3 = row4(a.w + 4u * k);
    for (var t = 0u; t < 8u; t++) {
      let value = x[(8u * tile + t) * IN4 + k];
      sum[t] += vec4f(dot(a0, value), dot(a1, value), dot(a2, value), dot(a3, value));
    }
  }
  for (var t = 0u; t < 8u; t++) {
    let at = (8u * tile + t) * PARTS * dims.maxRank + part * dims.maxRank + j;
    for (var i = 0u; i < 4u && j + i < adapter.rank; i++) { z[at + i] = sum[t][i]; }
  }
}

fn row4(at: u32) -> vec4f {
  return vec4f(adapters[at], adapters[at + 1u], adapters[at + 2u], adapters[at + 3u]);
}
