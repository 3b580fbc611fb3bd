// Weights in IEEE half precision; read as bits, so that no shader-f16 is needed.
alias Packed = vec4u;
const SCALED = false;
fn lowWeights(p: Packed) -> vec4f {
  return vec4f(unpack2x16float(p.x), unpack2x16float(p.y));
}
fn highWeights(p: Packed) -> vec4f {
  return vec4f(unpack2x16float(p.z), unpack2x16float(p.w));
}
