// dx[t, k] = Σ_o dy[t, o] W[o, k]  (+ Σ_j dz[t, j] A[j, k]): the mirror of matmul.wgsl, through the same packed words.
//
// A thread computes 8 tokens × 8 columns: one word of every row of W.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read> words: array<u32>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(5) var<storage, read> tiles: array<Tile>;
@group(0) @binding(6) var<storage, read> dz: array<f32>;
@group(0) @binding(7) var<storage, read> adapters: array<f32>;
@group(0) @binding(8) var<uniform> matrix: Matrix;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  // Read once: not every compiler takes a uniform out of a loop.
  let in4 = matrix.in4;
  let outputs = matrix.out;
  let out4 = matrix.out4;
  let rowWords = matrix.words;
  let parts = matrix.parts;
  let unitA = matrix.unitA;
  let maxRank = dims.maxRank;
  let index = threadIndex(group, groups, local);
  let tile = index / rowWords;
  let w = index % rowWords;
  if (tile >= dims.tiles || 2u * w >= in4) { return; }
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
      let scale$i = scales[row$i * (rowWords / 4u) + w / 4u];
      let wl$i = lowNibbles(word$i) * scale$i;
      let wh$i = highNibbles(word$i) * scale$i;
      $for t in 8 {
        low$t += d$t[$i] * wl$i;
        high$t += d$t[$i] * wh$i;
      }
    }
  }

  let adapter = tiles[tile];
  if (adapter.rank > 0u && parts > 0u) {
    let stride = parts * maxRank;
    for (var part = 0u; part < parts; part++) {
      for (var j = 0u; j < adapter.rank; j++) {
        let a = adapter.offset + adapter.rank * unitA + (part * adapter.rank + j) * 4u * in4 + 8u * w;
        let al = vec4f(adapters[a], adapters[a + 1u], adapters[a + 2u], adapters[a + 3u]);
        let ah = vec4f(adapters[a + 4u], adapters[a + 5u], adapters[a + 6u], adapters[a + 7u]);
        $for t in 8 {
          let dz$t = dz[(8u * tile + $tu) * stride + part * maxRank + j];
          low$t += dz$t * al;
          high$t += dz$t * ah;
        }
      }
    }
  }

  $for t in 8 {
    let at$t = (8u * tile + $tu) * in4 + 2u * w;
    dx[at$t] = low$t;
    if (more) { dx[at$t + 1u] = high$t; }
  }
}
