// z[t, part, j] = Σ_k x[t, k] A[part, j, k] of each tile's adapter. LANES threads of a workgroup share the sums of 8 tokens (ROWS and SPARE as in linear.wgsl) × 4
// values of j. All threads of a workgroup call it, with `thread` counted from the first that does, since they meet in laneSums.
fn down(thread: u32, local: u32) {
  let in4 = matrix.in4;
  let parts = matrix.parts;
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
  let js = min(vec4u(j) + vec4u(0u, 1u, 2u, 3u), vec4u(max(adapter.rank, 1u) - 1u));
  let a = vec4u(adapter.offset + adapter.rank * matrix.unitA) + (part * adapter.rank + js) * 4u * in4;
  $for t in ROWS { var sum$t = vec4f(); }
  for (var k = local % LANES; k < select(0u, in4, live); k += LANES) {
    let weights = mat4x4f(row4(a.x + 4u * k), row4(a.y + 4u * k), row4(a.z + 4u * k), row4(a.w + 4u * k));
    $for t in ROWS { sum$t += x[(8u * tile + $tu) * in4 + k] * weights; }
  }
  let totals = laneSums(local, array<vec4f, ROWS>($for t in ROWS { sum$t, }));
  if (!live || local % LANES != 0u) { return; }
  let count = min(4u, adapter.rank - j);
  $for t in ROWS {
    let at$t = (8u * tile + $tu) * parts * maxRank + part * maxRank + j;
    $for i in 4 { if ($iu < count) { z[at$t + $iu] = totals[$t][$i]; } }
  }
  $for t in SPARE {
    let spare$t = (8u * tile + ROWS + $tu) * parts * maxRank + part * maxRank + j;
    $for i in 4 { if ($iu < count) { z[spare$t + $iu] = 0.0; } }
  }
}

fn row4(at: u32) -> vec4f {
  return vec4f(adapters[at], adapters[at + 1u], adapters[at + 2u], adapters[at + 3u]);
}
