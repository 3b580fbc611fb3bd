// REINFORCE with exact KL to the base and an entropy bonus, at one position a row; writes the gradient over the policy's logits.
//   π = softmax(logits / T), base likewise;  lp = log π, lb = log base
//   loss = weight (−advantage lp[target] + β KL − η H),  KL = Σ π (lp − lb),  H = −Σ π lp
//   dloss/dlogit_v = weight / T (advantage (π_v − [v = target]) + β π_v (lp_v − lb_v − KL) + η π_v (lp_v + H))
struct LossOptions {
  klBeta: f32,
  entropyBeta: f32,
  inverseTemperature: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
// (token, target, advantage, weight) of each position; floats as bits
@group(0) @binding(1) var<storage, read> rows: array<vec4u>;
// [2 × tokens, STRIDE]: the policy's, then the base's
@group(0) @binding(2) var<storage, read_write> logits: array<f32>;
// (log π(target), KL, H, 0) of each position
@group(0) @binding(3) var<storage, read_write> stats: array<vec4f>;
@group(0) @binding(4) var<uniform> options: LossOptions;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local) / LANES;
  let lane = local % LANES;
  let row = min(index, dims.tokens - 1u);
  let start = row * STRIDE;
  let base = (dims.tokens + row) * STRIDE;
  let c = options.inverseTemperature;

  var mp = -3.0e38;
  var mb = -3.0e38;
  for (var v = lane; v < VOCABULARY; v += LANES) {
    mp = max(mp, logits[start + v]);
    mb = max(mb, logits[base + v]);
  }
  mp = laneMax(local, mp);
  mb = laneMax(local, mb);
  var sp = 0.0;
  var sb = 0.0;
  for (var v = lane; v < VOCABULARY; v += LANES) {
    sp += exp((logits[start + v] - mp) * c);
    sb += exp((logits[base + v] - mb) * c);
  }
  let lsp = log(laneSum(local, sp));
  let lsb = log(laneSum(local, sb));
  var kl = 0.0;
  var entropy = 0.0;
  for (var v = lane; v < VOCABULARY; v += LANES) {
    let lp = (logits[start + v] - mp) * c - lsp;
    let lb = (logits[base + v] - mb) * c - lsb;
    let p = exp(lp);
    kl += p * (lp - lb);
    entropy -= p * lp;
  }
  kl = laneSum(local, kl);
  entropy = laneSum(local, entropy);

  let real = index < dims.rows;
  let info = rows[min(row, dims.rows - 1u)];
  let target_ = info.y;
  let advantage = bitcast<f32>(info.z);
  // Positions that only fill the tile have no gradient.
  let weight = select(0.0, bitcast<f32>(info.w) * c, real);
  if (real && lane == 0u) {
    let lp = (logits[start + target_] - mp) * c - lsp;
    stats[index] = vec4f(lp, kl, entropy, 0.0);
  }
  // All lanes have read the target's logit before any overwrites it.
  laneSum(local, 0.0);
  if (index >= dims.tokens) { return; }
  for (var v = lane; v < VOCABULARY; v += LANES) {
    let lp = (logits[start + v] - mp) * c - lsp;
    let lb = (logits[base + v] - mb) * c - lsb;
    let p = exp(lp);
    let chosen = select(0.0, 1.0, v == target_);
    logits[start + v] = weight * (advantage * (p - chosen) + options.klBeta * p * (lp - lb - kl) + options.entropyBeta * p * (lp + entropy));
  }
  for (var v = VOCABULARY + lane; v < STRIDE; v += LANES) { logits[start + v] = 0.0; }
}
