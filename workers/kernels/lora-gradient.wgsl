// Gradients of a projection group's A and B, summed over the tokens of each node in their order, without atomics, and added
// to what is there:
//   dB[o, j]      += scale Σ_t dy[t, o] z[t, part(o), j]     (the first items)
//   dA[part, j, k] += Σ_t dz[t, part, j] x[t, k]              (the rest)
// LANES threads compute 4 columns (of o, or of k) × 4 values of j for one node, each a share of the tokens.
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
  let item = threadIndex(group, groups, local) / LANES;
  let perPart = (dims.maxRank + 3u) / 4u;
  let itemsB = dims.segments * matrix.out4 * perPart;
  let items = itemsB + dims.segments * matrix.in4 * matrix.parts * perPart;
  // Surplus threads redo the last item without writing, so that barriers stay uniform.
  let index = min(item, items - 1u);
  let isB = index < itemsB;

  let columns4 = select(matrix.in4, matrix.out4, isB);
  let rest = select(index - itemsB, index, isB);
  let column4 = rest % columns4;
  let narrows = select(matrix.parts * perPart, perPart, isB);
  let segment = segments[rest / columns4 / narrows];
  let narrow = rest / columns4 % narrows;
  let column = 4u * column4;
  let part = select(narrow / perPart, u32(column >= matrix.part1) + u32(column >= matrix.part2), isB);
  let j = 4u * (narrow % perPart);
  let live = item < items && segment.start < segment.end && j < segment.rank;

  let stride = matrix.parts * dims.maxRank;
  let js = min(vec4u(j) + vec4u(0u, 1u, 2u, 3u), vec4u(max(segment.rank, 1u) - 1u)) + part * dims.maxRank;
  $for i in 4 { var sum$i = vec4f(); }
  if (live && isB) {
    for (var t = segment.start + local % LANES; t < segment.end; t += LANES) {
      let value = dy[t * columns4 + column4];
      let at = vec4u(t * stride) + js;
      $for i in 4 { sum$i += value * z[at[$i]]; }
    }
  } else if (live) {
    for (var t = segment.start + local % LANES; t < segment.end; t += LANES) {
      let value = x[t * columns4 + column4];
      let at = vec4u(t * stride) + js;
      $for i in 4 { sum$i += value * dz[at[$i]]; }
    }
  }
  $for i in 4 { let total$i = laneSum4(local, sum$i); }
  if (!live || local % LANES != 0u) { return; }
  if (isB) {
    let scale = tiles[segment.start / 8u].scale;
    let at = segment.offset + segment.rank * (matrix.unitB + column) + j;
    $for i in 4 {
      if (j + $iu < segment.rank) { $for c in 4 { gradients[at + $cu * segment.rank + $iu] += scale * total$i[$c]; } }
    }
  } else {
    let at = segment.offset + segment.rank * matrix.unitA + (part * segment.rank + j) * 4u * columns4 + column;
    $for i in 4 {
      if (j + $iu < segment.rank) { $for c in 4 { gradients[at + $iu * 4u * columns4 + $cu] += total$i[$c]; } }
    }
  }
}
