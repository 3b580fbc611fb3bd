// dz[t, part, j] = scale Σ_{o in part} dy[t, o] B[o, j] of each tile's adapter. LANES threads of a workgroup share the sums of 8
// tokens × 4 values of j, as in linear-down.wgsl.
fn up(thread: u32, local: u32) {
  let out4 = matrix.out4;
  let parts = matrix.parts;
  let part1 = matrix.part1;
  let part2 = matrix.part2;
  let maxRank = dims.maxRank;
  let perPart = (maxRank + 3u) / 4u;
  let items = dims.tiles * parts * perPart;
  if (items == 0u) { return; }
  let index = min(thread / LANES, items - 1u);
  let tile = index / (parts * perPart);
  let part = (index / perPart) % parts;
  let j = 4u * (index % perPart);
  let adapter = tiles[tile];
  let live = thread / LANES < items && j < adapter.rank;
  let start = select(select(part2, part1, part == 1u), 0u, part == 0u);
  let end = select(select(4u * out4, part2, part == 1u), part1, part == 0u);
  let js = min(vec4u(j) + vec4u(0u, 1u, 2u, 3u), vec4u(max(adapter.rank, 1u) - 1u));
  $for t in 8 { var sum$t = vec4f(); }
  for (var o4 = start / 4u + local % LANES; o4 < select(0u, min(end, 4u * out4) / 4u, live); o4 += LANES) {
    let row = vec4u(adapter.offset + adapter.rank * (matrix.unitB + 4u * o4)) + js;
    $for t in 8 { let d$t = dy[(8u * tile + $tu) * out4 + o4]; }
    $for i in 4 {
      let b$i = row + $iu * adapter.rank;
      let up$i = vec4f(adapters[b$i.x], adapters[b$i.y], adapters[b$i.z], adapters[b$i.w]);
      $for t in 8 { sum$t += d$t[$i] * up$i; }
    }
  }
  let totals = laneSums(local, array<vec4f, ROWS>($for t in 8 { sum$t, }));
  if (!live || local % LANES != 0u) { return; }
  let count = min(4u, adapter.rank - j);
  $for t in 8 {
    let at$t = (8u * tile + $tu) * parts * maxRank + part * maxRank + j;
    $for i in 4 { if ($iu < count) { dz[at$t + $iu] = adapter.scale * totals[$t][$i]; } }
  }
}
