// REINFORCE with exact KL to the base and an entropy bonus, at one position a row; writes the gradient over the policy's logits.
//   π = softmax(logits / T), base likewise;  lp = log π, lb = log base
//   loss = weight (β KL − η H) − Σ_c advantage_c lp[target_c],  KL = Σ π (lp − lb),  H = −Σ π lp
//   dloss/dlogit_v = 1/T (Σ_c advantage_c (π_v − [v = target_c]) + weight π_v (β (lp_v − lb_v − KL) + η (lp_v + H)))
// The choices c are the distinct tokens that rows wrote here; advantage and weight are sums over these rows.
struct LossOptions {
  klBeta: f32,
  entropyBeta: f32,
  inverseTemperature: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
// (token, first choice, end of its choices, weight) of each position; floats as bits
@group(0) @binding(1) var<storage, read> rows: array<vec4u>;
// (target, advantage) of each choice
@group(0) @binding(2) var<storage, read> choices: array<vec2u>;
// [2 × tokens, STRIDE]: the policy's, then the base's
@group(0) @binding(3) var<storage, read_write> logits: array<f32>;
// (KL, H) of each position
@group(0) @binding(4) var<storage, read_write> stats: array<vec2f>;
// log π(target) of each choice
@group(0) @binding(5) var<storage, read_write> logProb: array<f32>;
// 1: a logit or what is computed from it is not finite.
@group(0) @binding(6) var<storage, read_write> fault: atomic<u32>;
@group(0) @binding(7) var<uniform> options: LossOptions;

// The policy's s, u and w once its maximum, over T, is larger by `delta`.
fn rescaled(sums: vec4f, delta: f32) -> vec4f {
  return vec4f(exp(-delta) * vec3f(sums.x, sums.y - delta * sums.x, sums.z), sums.w);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local) / LANES;
  let lane = local % LANES;
  let row = min(index, dims.tokens - 1u);
  let start = row * STRIDE;
  let base = (dims.tokens + row) * STRIDE;
  let c = options.inverseTemperature;

  // One pass finds the maxima and, relative to them, all sums (Milakov and Gimelshein 2018); a larger maximum rescales
  // what was summed so far. A second writes the gradient: a large vocabulary is bound by how often it is read.
  //   s = Σ e,  u = Σ e d,  w = Σ e (policy − base) / T,  with d = (policy − max) / T and e = exp d;  sb of the base
  var mp = -1.0e30;
  var mb = -1.0e30;
  var sums = vec4f(); // s, u, w, sb
  var broken = false;
  for (var v = lane; v < VOCABULARY; v += LANES) {
    let policy = logits[start + v];
    let frozen = logits[base + v];
    broken = broken || notFinite(policy) || notFinite(frozen);
    if (policy > mp) {
      sums = rescaled(sums, (policy - mp) * c);
      mp = policy;
    }
    if (frozen > mb) {
      sums.w *= exp((mb - frozen) * c);
      mb = frozen;
    }
    let d = (policy - mp) * c;
    sums += vec4f(exp(d) * vec3f(1.0, d, (policy - frozen) * c), exp((frozen - mb) * c));
  }
  let mine = vec2f(mp, mb);
  mp = laneMax(local, mp);
  mb = laneMax(local, mb);
  sums = rescaled(sums, (mp - mine.x) * c);
  sums.w *= exp((mine.y - mb) * c);
  sums = laneSum4(local, sums);
  let lsp = log(sums.x);
  let lsb = log(sums.w);
  // In this order, the KL of a policy that is the base is exactly 0.
  let kl = sums.z / sums.x - (mp - mb) * c - lsp + lsb;
  let entropy = lsp - sums.y / sums.x;

  let real = index < dims.rows;
  let info = rows[min(row, dims.rows - 1u)];
  // Positions that only fill the tile have no choices and no gradient.
  let weight = select(0.0, bitcast<f32>(info.w) * c, real);
  let end = select(info.y, info.z, real);
  var advantage = 0.0;
  for (var choice = info.y; choice < end; choice++) {
    let chosen = choices[choice];
    advantage += bitcast<f32>(chosen.y) * c;
    if (lane == 0u) {
      let lp = (logits[start + chosen.x] - mp) * c - lsp;
      broken = broken || notFinite(lp);
      logProb[choice] = lp;
    }
  }
  if (real && lane == 0u) { stats[index] = vec2f(kl, entropy); }
  broken = broken || notFinite(kl) || notFinite(entropy);
  if (real && broken) { atomicStore(&fault, 1u); }
  // The first lane has read the targets' logits before any lane overwrites them.
  laneSum(local, 0.0);
  if (index >= dims.tokens) { return; }
  for (var v = lane; v < VOCABULARY; v += LANES) {
    let lp = (logits[start + v] - mp) * c - lsp;
    let lb = (logits[base + v] - mb) * c - lsb;
    let p = exp(lp);
    logits[start + v] = p * (advantage + weight * (options.klBeta * (lp - lb - kl) + options.entropyBeta * (lp + entropy)));
  }
  // By the lane that wrote the target's gradient.
  for (var choice = info.y; choice < end; choice++) {
    let chosen = choices[choice];
    if (chosen.x % LANES == lane) { logits[start + chosen.x] -= bitcast<f32>(chosen.y) * c; }
  }
  for (var v = VOCABULARY + lane; v < STRIDE; v += LANES) { logits[start + v] = 0.0; }
}
