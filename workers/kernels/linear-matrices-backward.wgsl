// linear-backward.wgsl for many rows, through a matrix unit (matrix-blocks.wgsl). Weights lie in workgroup memory as [o, k].
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<uniform> matrix: Matrix;
@group(0) @binding(2) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read> words: array<Packed>;
@group(0) @binding(4) var<storage, read> scales: array<f32>;
@group(0) @binding(5) var<storage, read> tiles: array<Tile>;
@group(0) @binding(6) var<storage, read> adapters: array<f32>;
@group(0) @binding(7) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> dz: array<f32>;

const WEIGHT_TILE = STEP * WEIGHT_PITCH;

fn inputAt(at: u32) -> vec4f { return dy[at]; }

fn putAt(at: u32, value: vec4f) { dx[at] = value; }

fn rightAt(column: u32, o: u32) -> u32 { return o * WEIGHT_PITCH + column; }

fn fillWeights(columns64: u32, g: u32, local: u32) {
  let lastRow = matrix.out - 1u;
  let lastWord = matrix.words - 1u;
  // Rows beyond the last meet values of dy that are 0.
  for (var i = local; i < 8u * STEP; i += THREADS) {
    let o = i / 8u;
    let w = i % 8u;
    let weights = weights8(min(g * STEP + o, lastRow), min(8u * columns64 + w, lastWord), matrix.words);
    let to = o * WEIGHT_PITCH + 8u * w;
    $for h in 2 { $for j in 4 { weightTile[to + 4u * $hu + $ju] = half(weights[$h][$j]); } }
  }
}

@compute @workgroup_size(THREADS) PINNED
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = group.y * groups.x + group.x;
  let across = (matrix.in4 + 15u) / 16u;
  let products = select((dims.tiles + 7u) / 8u * across, 0u, matrix.first == 1u);
  if (index >= products) {
    up(THREADS * (index - products) + local, local);
  } else {
    multiplyBlock(index / across, index % across, matrix.out4, matrix.in4, local);
  }
}
