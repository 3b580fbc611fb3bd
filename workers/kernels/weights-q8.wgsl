// Weights in 8 bits, with a scale for every 32 of a row: −127 … 127 before scaling.
alias Packed = vec2u;
const SCALED = true;
fn lowWeights(p: Packed) -> vec4f {
  return vec4f((vec4u(p.x) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u)) - 127.0;
}
fn highWeights(p: Packed) -> vec4f {
  return vec4f((vec4u(p.y) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u)) - 127.0;
}
