// The mirror of linear.wgsl, through the same packed words, in one dispatch:
//   dx[t, k] = Σ_o dy[t, o] W[o, k]  and  dz[t, part, j] = scale Σ_{o in part} dy[t, o] B[o, j]
// Whoever reads dx adds dz A (swiglu-backward, add-norm-backward, lora-add). A thread computes 8 tokens × 8 columns of dx,
// one word of every row of W, or 8 tokens × 4 values of dz.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<uniform> matrix: Matrix;
@group(0) @binding(2) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read> words: array<Packed>;
@group(0) @binding(4) var<storage, read> scales: array<f32>;
@group(0) @binding(5) var<storage, read> tiles: array<Tile>;
@group(0) @binding(6) var<storage, read> adapters: array<f32>;
@group(0) @binding(7) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> dz: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  let products = select(dims.tiles * matrix.words, 0u, matrix.first == 1u);
  if (index < products) { product(index); } else { up(index - products); }
}

fn product(index: u32) {
  // Read once: not every compiler takes a uniform out of a loop.
  let in4 = matrix.in4;
  let outputs = matrix.out;
  let out4 = matrix.out4;
  let rowWords = matrix.words;
  let tile = index / rowWords;
  let w = index % rowWords;
  if (2u * w >= in4) { return; }
  let more = 2u * w + 1u < in4;

  $for t in 8 {
    var low$t = vec4f();
    var high$t = vec4f();
  }
  for (var o4 = 0u; o4 < out4; o4++) {
    $for t in 8 { let d$t = dy[(8u * tile + $tu) * out4 + o4]; }
    $for i in 4 {
      let row$i = min(4u * o4 + $iu, outputs - 1u);
      let word$i = words[row$i * rowWords + w];
      var scale$i = 1.0;
      if (SCALED) { scale$i = scales[row$i * (rowWords / 4u) + w / 4u]; }
      let wl$i = lowWeights(word$i) * scale$i;
      let wh$i = highWeights(word$i) * scale$i;
      $for t in 8 {
        low$t += d$t[$i] * wl$i;
        high$t += d$t[$i] * wh$i;
      }
    }
  }

  $for t in 8 {
    let at$t = (8u * tile + $tu) * in4 + 2u * w;
    dx[at$t] = low$t;
    if (more) { dx[at$t + 1u] = high$t; }
  }
}

fn up(index: u32) {
  let out4 = matrix.out4;
  let parts = matrix.parts;
  let part1 = matrix.part1;
  let part2 = matrix.part2;
  let maxRank = dims.maxRank;
  let perPart = (maxRank + 3u) / 4u;
  if (parts * perPart == 0u) { return; }
  let tile = index / (parts * perPart);
  if (tile >= dims.tiles) { return; }
  let part = (index / perPart) % parts;
  let j = 4u * (index % perPart);
  let adapter = tiles[tile];
  if (j >= adapter.rank) { return; }
  let start = select(select(part2, part1, part == 1u), 0u, part == 0u);
  let end = select(select(4u * out4, part2, part == 1u), part1, part == 0u);
  let js = min(vec4u(j) + vec4u(0u, 1u, 2u, 3u), vec4u(adapter.rank - 1u));
  $for t in 8 { var sum$t = vec4f(); }
  for (var o4 = start / 4u; o4 < min(end, 4u * out4) / 4u; o4++) {
    let row = vec4u(adapter.offset + adapter.rank * (matrix.unitB + 4u * o4)) + js;
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
