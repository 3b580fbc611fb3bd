// Weights in bfloat16: the upper halves of 32-bit floats.
alias Packed = vec4u;
const SCALED = false;
fn upperHalves(bits: vec2u) -> vec4f {
  return bitcast<vec4f>(vec4u(bits.x << 16u, bits.x & 0xffff0000u, bits.y << 16u, bits.y & 0xffff0000u));
}
fn lowWeights(p: Packed) -> vec4f {
  return upperHalves(p.xy);
}
fn highWeights(p: Packed) -> vec4f {
  return upperHalves(p.zw);
}
