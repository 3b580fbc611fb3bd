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
@group(0) @binding(8) var<uniform> lora: Group;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  let tile = index / WORDS;
  let w = index % WORDS;
  if (tile >= dims.tiles || 2u * w >= IN4) { return; }
  let more = 2u * w + 1u < IN4;

  var low: array<vec4f, 8>;
  var high: array<vec4f, 8>;
  for (var o4 = 0u; o4 < OUT4; o4++) {
    for (var i = 0u; i < 4u; i++) {
      let o = min(4u * o4 + i, OUT - 1u);
      let word = words[o * WORDS + w];
      let scale = scales[o * (WORDS / 4u) + w / 4u];
      let wl = lowNibbles(word) * scale;
      let wh = highNibbles(word) * scale;
      for (var t = 0u; t < 8u; t++) {
        let d = dy[(8u * tile + t) * OUT4 + o4][i];
        low[t] += d * wl;
        high[t] += d * wh;
      }
    }
  }

  if (LORA) {
    let adapter = tiles[tile];
    let stride = PARTS * dims.maxRank;
    for (var part = 0u; part < PARTS; part++) {
      for (var j = 0u; j < adapter.rank; j++) {
        let a = adapter.offset + adapter.rank * lora.unitA + (part * adapter.rank + j) * 4u * IN4 + 8u * w;
        let al = vec4f(adapters[a], adapters[a + 1u], adapters[a + 2u], adapters[a + 3u]);
        let ah = vec4f(adapters[a + 4u], adapters[a + 5u], adapters[a + 6u], adapters[a + 7u]);
        for (var t = 0u; t < 8u; t++) {
          let d = dz[(8u * tile + t) * stride + part * dims.maxRank + j];
          low[t] += d * al;
          high[t] += d * ah;
        }
      }
    }
  }

  for (var t = 0u; t < 8u; t++) {
    let at = (8u * tile + t) * IN4 + 2u * w;
    dx[at] = low[t];
    if (more) { dx[at + 1u] = high[t]; }
  }
}
