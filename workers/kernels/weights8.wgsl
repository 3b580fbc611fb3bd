// The weights 8 w … 8 w + 7 of a row, scaled.
fn weights8(row: u32, w: u32, rowWords: u32) -> mat2x4f {
  let packed = words[row * rowWords + w];
  var scale = 1.0;
  if (SCALED) { scale = scales[row * (rowWords / 4u) + w / 4u]; }
  return mat2x4f(lowWeights(packed) * scale, highWeights(packed) * scale);
}
