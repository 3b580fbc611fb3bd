// linear-backward.wgsl for many rows, in half precision (half-blocks.wgsl).
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<uniform> matrix: Matrix;
@group(0) @binding(2) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read> words: array<Packed>;
@group(0) @binding(4) var<storage, read> scales: array<f32>;
@group(0) @binding(5) var<storage, read> tiles: array<Tile>;
@group(0) @binding(6) var<storage, read> adapters: array<f32>;
@group(0) @binding(7) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> dz: array<f32>;

fn inputAt(at: u32) -> vec4f { return dy[at]; }

fn putAt(at: u32, value: vec4f) { dx[at] = value; }

fn weightPlace(o: u32, column4: u32) -> u32 { return 16u * o + column4; }

fn fillWeights(columns64: u32, g: u32, local: u32) {
  let rowWords = matrix.words;
  let lastRow = matrix.out - 1u;
  // Beyond a row's end there is nothing to write; rows beyond the last meet values of dy that are 0.
  let w = min(8u * columns64 + local % 8u, rowWords - 1u);
  $for i in 4 {
    let o$i = local / 8u + 8u * $iu;
    let weights$i = weights8(min(32u * g + o$i, lastRow), w, rowWords);
    $for h in 2 { weightTile[weightPlace(o$i, 2u * (local % 8u) + $hu)] = stored4(weights$i[$h]); }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = group.y * groups.x + group.x;
  let across = (matrix.in4 + 15u) / 16u;
  let products = select((dims.tiles + 7u) / 8u * across, 0u, matrix.first == 1u);
  if (index >= products) {
    up(64u * (index - products) + local, local);
  } else {
    multiplyBlock(index / across, index % across, matrix.out4, matrix.in4, local);
  }
}
