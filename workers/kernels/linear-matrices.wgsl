// linear.wgsl for many rows, through a matrix unit (matrix-blocks.wgsl). Weights lie in workgroup memory as they are packed, [column, k].
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<uniform> matrix: Matrix;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read> words: array<Packed>;
@group(0) @binding(4) var<storage, read> scales: array<f32>;
@group(0) @binding(5) var<storage, read> tiles: array<Tile>;
@group(0) @binding(6) var<storage, read> adapters: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> z: array<f32>;

const WEIGHT_TILE = 64u * WEIGHT_PITCH;

fn inputAt(at: u32) -> vec4f { return x[at]; }

fn putAt(at: u32, value: vec4f) { y[at] = value; }

fn rightAt(column: u32, k: u32) -> u32 { return column * WEIGHT_PITCH + k; }

fn fillWeights(columns64: u32, g: u32, local: u32) {
  let lastRow = matrix.out - 1u;
  let lastWord = matrix.words - 1u;
  for (var i = local; i < 8u * STEP; i += THREADS) {
    let column = i / (STEP / 8u);
    let w = i % (STEP / 8u);
    let weights = weights8(min(64u * columns64 + column, lastRow), min(g * (STEP / 8u) + w, lastWord), matrix.words);
    let to = column * WEIGHT_PITCH + 8u * w;
    $for h in 2 { $for j in 4 { weightTile[to + 4u * $hu + $ju] = half(weights[$h][$j]); } }
  }
}

@compute @workgroup_size(THREADS) PINNED
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = group.y * groups.x + group.x;
  let across = (matrix.out4 + 15u) / 16u;
  let products = (dims.tiles + 7u) / 8u * across;
  if (index >= products) {
    down(THREADS * (index - products) + local, local);
  } else {
    multiplyBlock(index / across, index % across, matrix.in4, matrix.out4, local);
  }
}
