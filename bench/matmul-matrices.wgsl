// C = A B of square matrices of f32, through a matrix unit (workers/kernels/matrix-blocks.wgsl): what the unit reaches where nothing is
// unpacked or rescaled.
struct Size { tiles: u32 }
const dims = Size(SIZE / 8u);
@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>;

const WEIGHT_TILE = STEP * WEIGHT_PITCH;

fn inputAt(at: u32) -> vec4f { return a[at]; }

fn putAt(at: u32, value: vec4f) { c[at] = value; }

fn rightAt(column: u32, term: u32) -> u32 { return term * WEIGHT_PITCH + column; }

fn fillWeights(columns64: u32, g: u32, local: u32) {
  for (var i = local; i < 16u * STEP; i += THREADS) {
    let term = i / 16u;
    let values = b[(g * STEP + term) * (SIZE / 4u) + 16u * columns64 + i % 16u];
    $for j in 4 { weightTile[term * WEIGHT_PITCH + 4u * (i % 16u) + $ju] = half(values[$j]); }
  }
}

@compute @workgroup_size(THREADS) PINNED
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = group.y * groups.x + group.x;
  if (index >= (SIZE / 64u) * (SIZE / 64u)) { return; }
  multiplyBlock(index / (SIZE / 64u), index % (SIZE / 64u), SIZE / 4u, SIZE / 4u, local);
}
