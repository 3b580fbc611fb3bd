// Four neighbouring values of an adapter's A (a row j of a part, columns 4 c …) and of its B (rows column …, value j).
fn downRow(adapter: Tile, matrix: Matrix, part: u32, j: u32, column4: u32) -> vec4f {
  let at = adapter.offset + adapter.rank * matrix.unitA + ((part * adapter.rank + j) * matrix.in4 + column4) * 4u;
  return vec4f(adapters[at], adapters[at + 1u], adapters[at + 2u], adapters[at + 3u]);
}

fn upColumn(adapter: Tile, matrix: Matrix, column: u32, j: u32) -> vec4f {
  let at = adapter.offset + adapter.rank * (matrix.unitB + column) + j;
  let r = adapter.rank;
  return adapter.scale * vec4f(adapters[at], adapters[at + r], adapters[at + 2u * r], adapters[at + 3u * r]);
}
