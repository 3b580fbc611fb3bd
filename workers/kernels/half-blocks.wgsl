// 64 tokens × 64 columns by a workgroup, 8 × 8 by a thread, as in linear-tiled.wgsl, for devices that compute in half precision. Both
// factors are halves, and so are the sums of CHAIN terms, which are then added up in f32.
//
// Each token is multiplied by a power of two of its own, which makes its largest value 2^7 to 2^8, and its results are divided by
// it, which is exact. No weight is beyond ±8 (products.ts), so that no sum of 16 terms is beyond 2^15; what is lost is what is less
// than 2^-31 of a token's largest value.
//
// The kernel that includes this has `inputAt`, `fillWeights`, `weightPlace` and `putAt`.
// [k, token], mixed as there, and [k, column].
var<workgroup> tokenTile: array<Stored4, 512>;
var<workgroup> weightTile: array<Stored4, 512>;
var<workgroup> scratch: array<vec4f, 512>;

fn largestOf(value: vec4f) -> f32 { return max(max(value.x, value.y), max(value.z, value.w)); }

/// Their exponents, by the bits, so that what is not finite is left to be what it is.
fn exponentsOf(value: vec4f) -> vec4u {
  return clamp((bitcast<vec4u>(value) >> vec4u(23u)) & vec4u(255u), vec4u(8u), vec4u(254u));
}

/// `width4`: a token's values / 4. Results are `across` vec4f a token.
fn multiplyBlock(tokens64: u32, columns64: u32, width4: u32, across: u32, local: u32) {
  let tokens = 8u * dims.tiles;
  let octet = local / 8u;
  let share = local % 8u;
  $for t in 8 {
    // Rows beyond the end repeat the last token; nobody reads their results.
    let token$t = min(64u * tokens64 + 8u * octet + $tu, tokens - 1u) * width4;
    var most$t = vec4f();
  }
  for (var k4 = share; k4 < width4; k4 += 8u) { $for t in 8 { most$t = max(most$t, abs(inputAt(token$t + k4))); } }
  scratch[2u * local] = vec4f(largestOf(most0), largestOf(most1), largestOf(most2), largestOf(most3));
  scratch[2u * local + 1u] = vec4f(largestOf(most4), largestOf(most5), largestOf(most6), largestOf(most7));
  workgroupBarrier();
  var most = array<vec4f, 2>();
  for (var i = 16u * octet; i < 16u * octet + 16u; i += 2u) {
    most[0] = max(most[0], scratch[i]);
    most[1] = max(most[1], scratch[i + 1u]);
  }
  $for h in 2 {
    let exponents$h = exponentsOf(most[$h]);
    let factors$h = bitcast<vec4f>((vec4u(261u) - exponents$h) << vec4u(23u));
    let undo$h = bitcast<vec4f>((exponents$h - vec4u(7u)) << vec4u(23u));
  }

  $for t in 8 {
    var left$t = vec4f();
    var right$t = vec4f();
  }
  for (var g = 0u; g < (width4 + 7u) / 8u; g++) {
    let k4 = 8u * g + share;
    var squares = array<mat4x4f, 2>();
    if (k4 < width4) {
      squares[0] = transpose(mat4x4f($for t in 4 { inputAt(token$t + k4), }));
      squares[1] = transpose(mat4x4f(inputAt(token4 + k4), inputAt(token5 + k4), inputAt(token6 + k4), inputAt(token7 + k4)));
    }
    $for h in 2 {
      $for i in 4 { tokenTile[64u * share + 16u * $iu + ((2u * octet + $hu) ^ share)] = stored4(squares[$h][$i] * factors$h); }
    }
    fillWeights(columns64, g, local);
    workgroupBarrier();
    for (var part = 0u; part < 32u; part += CHAIN) {
      $for t in 8 {
        var near$t = Half4();
        var far$t = Half4();
      }
      for (var k = part; k < part + CHAIN; k++) {
        let a = loaded4(tokenTile[16u * k + ((2u * octet) ^ (k / 4u))]);
        let b = loaded4(tokenTile[16u * k + ((2u * octet + 1u) ^ (k / 4u))]);
        // Neighbouring threads read neighbouring columns, and so do the two halves of a thread's own.
        let c = loaded4(weightTile[weightPlace(k, share)]);
        let d = loaded4(weightTile[weightPlace(k, share + 8u)]);
        $for t in 4 {
          near$t = multiplyAdd(a[$t], c, near$t);
          far$t = multiplyAdd(a[$t], d, far$t);
        }
        near4 = multiplyAdd(b[0], c, near4);
        far4 = multiplyAdd(b[0], d, far4);
        near5 = multiplyAdd(b[1], c, near5);
        far5 = multiplyAdd(b[1], d, far5);
        near6 = multiplyAdd(b[2], c, near6);
        far6 = multiplyAdd(b[2], d, far6);
        near7 = multiplyAdd(b[3], c, near7);
        far7 = multiplyAdd(b[3], d, far7);
      }
      $for t in 8 {
        left$t += vec4f(near$t);
        right$t += vec4f(far$t);
      }
    }
    workgroupBarrier();
  }
  let undo = array<f32, 8>($for i in 4 { undo0[$i], } $for i in 4 { undo1[$i], });
  let column4 = 16u * columns64 + share;
  $for t in 8 {
    let row$t = 64u * tokens64 + 8u * octet + $tu;
    if (row$t < tokens) {
      if (column4 < across) { putAt(row$t * across + column4, left$t * undo[$t]); }
      if (column4 + 8u < across) { putAt(row$t * across + column4 + 8u, right$t * undo[$t]); }
    }
  }
}
