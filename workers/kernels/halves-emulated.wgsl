// Half precision written out, for tests on devices that have none: as many bits in workgroup memory, and rounded to the nearest after
// each operation (Dekker's splitting, 1971; `pack2x16float` and `quantizeToF16` may as well cut off).
alias Half4 = vec4f;
alias Stored4 = vec2u;
fn nearest(value: vec4f) -> vec4f {
  let large = value * 8193.0;
  // Beneath 2^-14 they are as far apart as floats between 1/2 and 1.
  return quantizeToF16(select(large - (large - value), (value + 0.75) - 0.75, abs(value) < vec4f(0x1p-14)));
}
fn stored4(value: vec4f) -> Stored4 {
  let rounded = nearest(value);
  return vec2u(pack2x16float(rounded.xy), pack2x16float(rounded.zw));
}
fn loaded4(value: Stored4) -> Half4 { return vec4f(unpack2x16float(value.x), unpack2x16float(value.y)); }
fn multiplyAdd(a: f32, b: Half4, sum: Half4) -> Half4 { return nearest(a * b + sum); }
