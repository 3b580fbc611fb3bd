// Keys and values in half precision. What is too large becomes the largest half; what is not finite has to show, as NaN.
alias Kv = vec2u;
const LARGEST = vec4f(65504.0);
fn kvOf(stored: Kv) -> vec4f { return vec4f(unpack2x16float(stored.x), unpack2x16float(stored.y)); }
fn toKv(value: vec4f) -> Kv {
  if (notFinite(value.x) || notFinite(value.y) || notFinite(value.z) || notFinite(value.w)) { return vec2u(0x7fff7fffu); }
  let kept = clamp(value, -LARGEST, LARGEST);
  return vec2u(pack2x16float(kept.xy), pack2x16float(kept.zw));
}
