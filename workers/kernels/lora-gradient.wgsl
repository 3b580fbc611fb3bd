// Gradients of a projection group's A and B, summed over the tokens of each node in their order, without atomics:
//   dA[part, j, k] = Σ_t dz[t, part, j] x[t, k]        (TARGET_A)
//   dB[o, j]       = scale Σ_t dy[t, o] z[t, part(o), j]
// A thread computes 4 columns (of k, or of o) × 4 values of j for one node.
struct Segment {
  // First token and end (padding excluded), offset of the adapter in the pool, rank.
  start: u32,
  end: u32,
  offset: u32,
  rank: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
// [tokens, 4 columns]: x for dA, dy for dB
@group(0) @binding(1) var<storage, read> wide: array<vec4f>;
// [tokens, matrix.parts × maxRank]: dz for dA, z for dB
@group(0) @binding(2) var<storage, read> narrow: array<f32>;
@group(0) @binding(3) var<storage, read> segments: array<Segment>;
@group(0) @binding(4) var<storage, read> tiles: array<Tile>;
@group(0) @binding(5) var<uniform> matrix: Matrix;
@group(0) @binding(6) var<storage, read_write> gradients: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  // Read once: not every compiler takes a uniform out of a loop.
  let in4 = matrix.in4;
  let out4 = matrix.out4;
  let parts = matrix.parts;
  let part1 = matrix.part1;
  let part2 = matrix.part2;
  let unitA = matrix.unitA;
  let unitB = matrix.unitB;
  let maxRank = dims.maxRank;
  let index = threadIndex(group, groups, local);
  let perPart = (maxRank + 3u) / 4u;
  let columns4 = select(out4, in4, TARGET_A);
  // dB: the column's part is given, so there is one range of j. dA: every column meets the j of all parts.
  let narrows = select(perPart, parts * perPart, TARGET_A);
  let column4 = index % columns4;
  let rest = index / columns4;
  let node = rest / narrows;
  if (node >= dims.segments) { return; }
  let segment = segments[node];
  let column = 4u * column4;
  let part = select(u32(column >= part1) + u32(column >= part2), (rest % narrows) / perPart, TARGET_A);
  let j = 4u * (rest % perPart);
  if (segment.start == segment.end || j >= segment.rank) { return; }

  let stride = parts * maxRank;
  let js = min(vec4u(j) + vec4u(0u, 1u, 2u, 3u), vec4u(segment.rank - 1u)) + part * maxRank;
  $for i in 4 { var sum$i = vec4f(); }
  for (var t = segment.start; t < segment.end; t++) {
    let value = wide[t * columns4 + column4];
    let at = vec4u(t * stride) + js;
    $for i in 4 { sum$i += value * narrow[at[$i]]; }
  }
  let count = min(4u, segment.rank - j);
  if (TARGET_A) {
    let at = segment.offset + segment.rank * unitA + (part * segment.rank + j) * 4u * columns4 + column;
    $for i in 4 {
      if ($iu < count) { $for c in 4 { gradients[at + $iu * 4u * columns4 + $cu] = sum$i[$c]; } }
    }
  } else {
    let scale = tiles[segment.start / 8u].scale;
    let at = segment.offset + segment.rank * (unitB + column) + j;
    $for i in 4 {
      if ($iu < count) { $for c in 4 { gradients[at + $cu * segment.rank + $iu] = scale * sum$i[$c]; } }
    }
  }
}
