// dz[t, part, j] = scale Σ_{o in part} dy[t, o] B[o, j]. A thread computes 8 tokens × 4 values of j.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read> tiles: array<Tile>;
@group(0) @binding(3) var<storage, read> adapters: array<f32>;
@group(0) @binding(4) var<uniform> matrix: Matrix;
@group(0) @binding(5) var<storage, read_write> dz: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  // Read once: not every compiler takes a uniform out of a loop.
  let out4 = matrix.out4;
  let parts = matrix.parts;
  let part1 = matrix.part1;
  let part2 = matrix.part2;
  let unitB = matrix.unitB;
  let maxRank = dims.maxRank;
  let index = threadIndex(group, groups, local);
  let perPart = (maxRank + 3u) / 4u;
  let tile = index / (parts * perPart);
  if (tile >= dims.tiles) { return; }
  let part = (index / perPart) % parts;
  let j = 4u * (index % perPart);
  let adapter = tiles[tile];
  if (j >= adapter.rank) { return; }
  let start = array(0u, part1, part2)[part];
  let end = array(part1, part2, 4u * out4)[part];
  let js = min(vec4u(j) + vec4u(0u, 1u, 2u, 3u), vec4u(adapter.rank - 1u));
  $for t in 8 { var sum$t = vec4f(); }
  for (var o4 = start / 4u; o4 < min(end, 4u * out4) / 4u; o4++) {
    let row = vec4u(adapter.offset + adapter.rank * (unitB + 4u * o4)) + js;
    $for t in 8 { let d$t = dy[(8u * tile + $tu) * out4 + o4]; }
    $for i in 4 {
      let b$i = row + $iu * adapter.rank;
      let up$i = vec4f(adapters[b$i.x], adapters[b$i.y], adapters[b$i.z], adapters[b$i.w]);
      $for t in 8 { sum$t += d$t[$i] * up$i; }
    }
  }
  let count = min(4u, adapter.rank - j);
  $for t in 8 {
    let at$t = (8u * tile + $tu) * parts * maxRank + part * maxRank + j;
    $for i in 4 { if ($iu < count) { dz[at$t + $iu] = adapter.scale * sum$t[$i]; } }
  }
}
