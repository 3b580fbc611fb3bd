// linear.wgsl for few rows: LANES threads share the sums of 8 tokens × 4 columns of y, so that a row of W is read by many at
// once. Threads of the same columns and other tokens are neighbours, and find its words in the cache. ROWS and SPARE as in linear.wgsl.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<uniform> matrix: Matrix;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read> words: array<Packed>;
@group(0) @binding(4) var<storage, read> scales: array<f32>;
@group(0) @binding(5) var<storage, read> tiles: array<Tile>;
@group(0) @binding(6) var<storage, read> adapters: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> z: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = group.y * groups.x + group.x;
  let products = (dims.tiles * matrix.out4 * LANES + 63u) / 64u;
  if (index >= products) { down(64u * (index - products) + local, local); } else { product(64u * index + local, local); }
}

fn product(thread: u32, local: u32) {
  let in4 = matrix.in4;
  let out4 = matrix.out4;
  let rowWords = matrix.words;
  let items = dims.tiles * out4;
  let index = min(thread / LANES, items - 1u);
  let tile = index % dims.tiles;
  let column4 = index / dims.tiles;
  let first = 8u * tile * in4;
  let rows = min(4u * column4 + vec4u(0u, 1u, 2u, 3u), vec4u(matrix.out - 1u));
  $for t in ROWS { var sum$t = vec4f(); }
  for (var w = local % LANES; w < in4 / 2u; w += LANES) {
    $for i in 4 { let weights$i = weights8(rows[$i], w, rowWords); }
    let low = mat4x4f(weights0[0], weights1[0], weights2[0], weights3[0]);
    let high = mat4x4f(weights0[1], weights1[1], weights2[1], weights3[1]);
    $for t in ROWS { sum$t += x[first + $tu * in4 + 2u * w] * low + x[first + $tu * in4 + 2u * w + 1u] * high; }
  }
  // Half a word where the width is no multiple of 8.
  if (in4 % 2u == 1u && local % LANES == 0u) {
    $for i in 4 { let last$i = weights8(rows[$i], in4 / 2u, rowWords)[0]; }
    let low = mat4x4f(last0, last1, last2, last3);
    $for t in ROWS { sum$t += x[first + $tu * in4 + in4 - 1u] * low; }
  }
  let totals = laneSums(local, array<vec4f, ROWS>($for t in ROWS { sum$t, }));
  if (thread / LANES < items && local % LANES == 0u) {
    $for t in ROWS { y[(8u * tile + $tu) * out4 + column4] = totals[$t]; }
    $for t in SPARE { y[(8u * tile + ROWS + $tu) * out4 + column4] = vec4f(); }
  }
}
