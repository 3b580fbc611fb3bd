// y[t, o] = Σ_k x[t, k] W[o, k]  (+ residual[t, o])  (+ scale Σ_j z[t, part(o), j] B[o, j])
//
// W is packed in 4 bits and is read as it is. A thread computes 8 tokens × 4 columns: a weight is unpacked once for eight
// tokens, and the four sums of a token are one vec4. No barriers and no shared memory: software renderers are fastest so.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> words: array<u32>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(6) var<storage, read> tiles: array<Tile>;
@group(0) @binding(7) var<storage, read> z: array<f32>;
@group(0) @binding(8) var<storage, read> adapters: array<f32>;
@group(0) @binding(9) var<uniform> lora: Group;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  let tile = index / OUT4;
  let column4 = index % OUT4;
  if (tile >= dims.tiles) { return; }
  let column = 4u * column4;
  let first = 8u * tile * IN4;
  // The last columns of a vocabulary that is no multiple of 4 repeat the last row; nobody reads them.
  let rows = min(vec4u(column) + vec4u(0u, 1u, 2u, 3u), vec4u(OUT - 1u));

  var sum: array<vec4f, 8>;
  for (var g = 0u; g < WORDS / 4u; g++) {
    // Zeroed by hand: SwiftShader keeps the last round's values in a variable declared without a value in a loop.
    var part = array<vec4f, 8>();
    for (var w = 4u * g; w < 4u * g + 4u; w++) {
      if (2u * w >= IN4) { break; }
      let w0 = words[rows.x * WORDS + w];
      let w1 = words[rows.y * WORDS + w];
      let w2 = words[rows.z * WORDS + w];
      let w3 = words[rows.w * WORDS + w];
      let low = mat4x4f(lowNibbles(w0), lowNibbles(w1), lowNibbles(w2), lowNibbles(w3));
      let high = mat4x4f(highNibbles(w0), highNibbles(w1), highNibbles(w2), highNibbles(w3));
      let more = 2u * w + 1u < IN4;
      for (var t = 0u; t < 8u; t++) {
        let at = first + t * IN4 + 2u * w;
        part[t] += x[at] * low;
        if (more) { part[t] += x[at + 1u] * high; }
      }
    }
    let scale = vec4f(
      scales[rows.x * (WORDS / 4u) + g],
      scales[rows.y * (WORDS / 4u) + g],
      scales[rows.z * (WORDS / 4u) + g],
      scales[rows.w * (WORDS / 4u) + g],
    );
    for (var t = 0u; t < 8u; t++) { sum[t] += scale * part[t]; }
  }

  if (LORA) {
    let adapter = tiles[tile];
    if (adapter.rank > 0u) {
      let part = u32(column >= PART1) + u32(column >= PART2);
      let b = adapter.offset + adapter.rank * (lora.unitB + column);
      let stride = PARTS * dims.maxRank;
      let origin = 8u * tile * stride + part * dims.maxRank;
      for (var j = 0u; j < adapter.rank; j++) {
        let factor = adapter.scale * vec4f(
          adapters[b + j],
          adapters[b + adapter.rank + j],
          adapters[b + 2u * adapter.rank + j],
          adapters[b + 3u * adapter.rank + j],
        );
        for (var t = 0u; t < 8u; t++) { sum[t] += factor * z[origin + t * stride + j]; }
      }
    }
  }

  for (var t = 0u; t < 8u; t++) {
    let at = (8u * tile + t) * OUT4 + column4;
    if (RESIDUAL) { y[at] = residual[at] + sum[t]; } else { y[at] = sum[t]; }
  }
}
