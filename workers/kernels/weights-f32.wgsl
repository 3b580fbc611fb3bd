// Weights in single precision.
alias Packed = mat2x4f;
const SCALED = false;
fn lowWeights(p: Packed) -> vec4f {
  return p[0];
}
fn highWeights(p: Packed) -> vec4f {
  return p[1];
}
