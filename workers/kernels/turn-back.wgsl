// Into dqkv, the gradient over a rotated query or key of a token, turned back by its rotation; heads are counted as in q|k|v.
const HALF4 = HEAD4 / 2u;

fn putTurnedBack(token: u32, head: u32, gradient: array<vec4f, HEAD4>) {
  var turned = gradient;
  let position = tokens[2u * token].y;
  let to = (token * (HEADS + 2u * KV_HEADS) + head) * HEAD4;
  for (var i = 0u; i < HALF4; i++) {
    let cosine = rotation[(position * HALF4 + i) * 2u];
    let sine = rotation[(position * HALF4 + i) * 2u + 1u];
    dqkv[to + i] = turned[i] * cosine + turned[i + HALF4] * sine;
    dqkv[to + i + HALF4] = turned[i + HALF4] * cosine - turned[i] * sine;
  }
}
