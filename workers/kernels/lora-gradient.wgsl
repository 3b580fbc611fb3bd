// Gradients of a projection group's A and B, summed over the tokens of each node in their order, without atomics:
//   dB[o, j]       = scale Σ_t dy[t, o] z[t, part(o), j]     (the first threads)
//   dA[part, j, k] = Σ_t dz[t, part, j] x[t, k]              (the rest)
// A thread computes 4 columns (of o, or of k) × 4 values of j for one node.
struct Segment {
  // First token and end (padding excluded), offset of the adapter in the pool, rank.
  start: u32,
  end: u32,
  offset: u32,
  rank: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<uniform> matrix: Matrix;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read> z: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<vec4f>;
@group(0) @binding(5) var<storage, read> dz: array<f32>;
@group(0) @binding(6) var<storage, read> segments: array<Segment>;
@group(0) @binding(7) var<storage, read> tiles: array<Tile>;
@group(0) @binding(8) var<storage, read_write> gradients: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  let perPart = (dims.maxRank + 3u) / 4u;
  let threadsB = dims.segments * matrix.out4 * perPart;
  if (index < threadsB) { gradientB(index, perPart); } else { gradientA(index - threadsB, perPart); }
}

fn gradientB(index: u32, perPart: u32) {
  let out4 = matrix.out4;
  let column4 = index % out4;
  let column = 4u * column4;
  let part = u32(column >= matrix.part1) + u32(column >= matrix.part2);
  let segment = segments[index / out4 / perPart];
  let j = 4u * (index / out4 % perPart);
  if (segment.start == segment.end || j >= segment.rank) { return; }
  let stride = matrix.parts * dims.maxRank;
  let js = min(vec4u(j) + vec4u(0u, 1u, 2u, 3u), vec4u(segment.rank - 1u)) + part * dims.maxRank;
  $for i in 4 { var sum$i = vec4f(); }
  for (var t = segment.start; t < segment.end; t++) {
    let value = dy[t * out4 + column4];
    let at = vec4u(t * stride) + js;
    $for i in 4 { sum$i += value * z[at[$i]]; }
  }
  let scale = tiles[segment.start / 8u].scale;
  let at = segment.offset + segment.rank * (matrix.unitB + column) + j;
  $for i in 4 {
    if (j + $iu < segment.rank) { $for c in 4 { gradients[at + $cu * segment.rank + $iu] = scale * sum$i[$c]; } }
  }
}

fn gradientA(index: u32, perPart: u32) {
  let in4 = matrix.in4;
  let column4 = index % in4;
  let rest = index / in4;
  let narrows = matrix.parts * perPart;
  if (rest / narrows >= dims.segments) { return; }
  let segment = segments[rest / narrows];
  let part = rest % narrows / perPart;
  let j = 4u * (rest % perPart);
  if (segment.start == segment.end || j >= segment.rank) { return; }
  let stride = matrix.parts * dims.maxRank;
  let js = min(vec4u(j) + vec4u(0u, 1u, 2u, 3u), vec4u(segment.rank - 1u)) + part * dims.maxRank;
  $for i in 4 { var sum$i = vec4f(); }
  for (var t = segment.start; t < segment.end; t++) {
    let value = x[t * in4 + column4];
    let at = vec4u(t * stride) + js;
    $for i in 4 { sum$i += value * dz[at[$i]]; }
  }
  let at = segment.offset + segment.rank * matrix.unitA + (part * segment.rank + j) * 4u * in4 + 4u * column4;
  $for i in 4 {
    if (j + $iu < segment.rank) { $for c in 4 { gradients[at + $iu * 4u * in4 + $cu] = sum$i[$c]; } }
  }
}
