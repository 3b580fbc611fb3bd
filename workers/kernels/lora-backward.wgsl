// dz[t, part, j] = scale Σ_{o in part} dy[t, o] B[o, j]. A thread computes 8 tokens × 4 values of j.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read> tiles: array<Tile>;
@group(0) @binding(3) var<storage, read> adapters: array<f32>;
@group(0) @binding(4) var<uniform> lora: Group;
@group(0) @binding(5) var<storage, read_write> dz: array<f32>;

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
  let start = array(0u, PART1, PART2)[part];
  let end = array(PART1, PART2, 4u * OUT4)[part];
  let js = min(vec4u(j) + vec4u(0u, 1u, 2u, 3u), vec4u(adapter.rank - 1u));
  var sum: array<vec4f, 8>;
  for (var o4 = start / 4u; o4 < min(end, 4u * OUT4) / 4u; o4++) {
    for (var i = 0u; i < 4u; i++) {
      let b = vec4u(adapter.offset + adapter.rank * (lora.unitB + 4u * o4 + i)) + js;
      let row = vec4f(adapters[b.x], adapters[b.y], adapters[b.z], adapters[b.w]);
      for (var t = 0u; t < 8u; t++) { sum[t] += dy[(8u * tile + t) * OUT4 + o4][i] * row; }
    }
  }
  for (var t = 0u; t < 8u; t++) {
    let at = (8u * tile + t) * PARTS * dims.maxRank + part * dims.maxRank + j;
    for (var i = 0u; i < 4u && j + i < adapter.rank; i++) { dz[at + i] = adapter.scale * sum[t][i]; }
  }
}
