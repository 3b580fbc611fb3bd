// The weights 0–3 and 4–7 of a packed word, before scaling: −7 … 7.
fn lowNibbles(word: u32) -> vec4f {
  return vec4f((vec4u(word) >> vec4u(0u, 4u, 8u, 12u)) & vec4u(15u)) - 7.0;
}
fn highNibbles(word: u32) -> vec4f {
  return vec4f((vec4u(word) >> vec4u(16u, 20u, 24u, 28u)) & vec4u(15u)) - 7.0;
}
