// Weights in 4 bits, with a scale for every 32 of a row: −7 … 7 before scaling.
alias Packed = u32;
const SCALED = true;
fn lowWeights(p: Packed) -> vec4f {
  return vec4f((vec4u(p) >> vec4u(0u, 4u, 8u, 12u)) & vec4u(15u)) - 7.0;
}
fn highWeights(p: Packed) -> vec4f {
  return vec4f((vec4u(p) >> vec4u(16u, 20u, 24u, 28u)) & vec4u(15u)) - 7.0;
}
