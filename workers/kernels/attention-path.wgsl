/// The slot that a token reads as its n-th: its path (what prompts share), then its sequence's own. `ranges` is the second vector of the token.
fn slotOf(ranges: vec4u, n: u32) -> u32 {
  if (n < ranges.y) {
    let at = ranges.x + n;
    return tokens[dims.paths + at / 4u][at % 4u];
  }
  return ranges.z + n - ranges.y;
}
