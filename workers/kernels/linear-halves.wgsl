// linear.wgsl for many rows, in half precision (half-blocks.wgsl).
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<uniform> matrix: Matrix;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read> words: array<Packed>;
@group(0) @binding(4) var<storage, read> scales: array<f32>;
@group(0) @binding(5) var<storage, read> tiles: array<Tile>;
@group(0) @binding(6) var<storage, read> adapters: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> z: array<f32>;

fn inputAt(at: u32) -> vec4f { return x[at]; }

fn putAt(at: u32, value: vec4f) { y[at] = value; }

// Turned round, and mixed with k as in linear-tiled.wgsl.
fn weightPlace(k: u32, column4: u32) -> u32 { return 16u * k + (column4 ^ (k / 4u)); }

fn fillWeights(columns64: u32, g: u32, local: u32) {
  let rowWords = matrix.words;
  let lastRow = matrix.out - 1u;
  let w = local % 4u;
  let row = 64u * columns64 + 4u * (local / 4u);
  $for i in 4 { let weights$i = weights8(min(row + $iu, lastRow), 4u * g + w, rowWords); }
  $for h in 2 {
    let turned$h = transpose(mat4x4f(weights0[$h], weights1[$h], weights2[$h], weights3[$h]));
    $for i in 4 { weightTile[weightPlace(8u * w + 4u * $hu + $iu, local / 4u)] = stored4(turned$h[$i]); }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = group.y * groups.x + group.x;
  let across = (matrix.out4 + 15u) / 16u;
  let products = (dims.tiles + 7u) / 8u * across;
  if (index >= products) {
    down(64u * (index - products) + local, local);
  } else {
    multiplyBlock(index / across, index % across, matrix.in4, matrix.out4, local);
  }
}
