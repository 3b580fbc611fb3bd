;; Elementwise loops. Addresses and numbers of elements; `n` is a multiple of four and not 0.

;; y = e^(scale (x − shift)), each to 1e-7 of it: 2^k · e^r with |r| ≤ ln 2 / 2, and e^r by a polynomial (Cephes, expf). Below
;; e^-87 it is 0, and above e^88 stays there; NaN stays NaN. y may be x.
(func $exponentials (export "exponentials") (param $x i32) (param $n i32) (param $scale f32) (param $shift f32) (param $y i32)
  (local $v v128) (local $k v128) (local $r v128) (local $factor v128) (local $from v128)
  ;; Constants in locals: V8 would make them anew in every round.
  (local $log2e v128) (local $high v128) (local $low v128) (local $p0 v128) (local $p1 v128) (local $p2 v128)
  (local $p3 v128) (local $p4 v128) (local $p5 v128) (local $one v128) (local $least v128) (local $most v128)
  (local.set $factor (f32x4.splat (local.get $scale)))
  (local.set $from (f32x4.splat (local.get $shift)))
  (local.set $log2e (f32x4.splat (f32.const 1.44269504)))
  (local.set $high (f32x4.splat (f32.const 0.693359375)))
  (local.set $low (f32x4.splat (f32.const -2.12194440e-4)))
  (local.set $p0 (f32x4.splat (f32.const 1.9875691500e-4)))
  (local.set $p1 (f32x4.splat (f32.const 1.3981999507e-3)))
  (local.set $p2 (f32x4.splat (f32.const 8.3334519073e-3)))
  (local.set $p3 (f32x4.splat (f32.const 4.1665795894e-2)))
  (local.set $p4 (f32x4.splat (f32.const 1.6666665459e-1)))
  (local.set $p5 (f32x4.splat (f32.const 5.0000001201e-1)))
  (local.set $one (f32x4.splat (f32.const 1)))
  (local.set $least (f32x4.splat (f32.const -87)))
  (local.set $most (f32x4.splat (f32.const 88)))
  (loop $four
    (local.set $v
      (f32x4.mul (local.get $factor) (f32x4.sub (v128.load (local.get $x)) (local.get $from))))
    (local.set $r (f32x4.max (f32x4.min (local.get $v) (local.get $most)) (local.get $least)))
    (local.set $k (f32x4.nearest (f32x4.mul (local.get $r) (local.get $log2e))))
    ;; ln 2 in two parts, of which the first times k is exact
    (local.set $r (f32x4.sub
      (f32x4.sub (local.get $r) (f32x4.mul (local.get $k) (local.get $high)))
      (f32x4.mul (local.get $k) (local.get $low))))
    (v128.store (local.get $y)
      (v128.andnot
        (f32x4.mul
          (f32x4.add
            (f32x4.add (local.get $r) (local.get $one))
            (f32x4.mul (f32x4.mul (local.get $r) (local.get $r))
              (f32x4.add (local.get $p5) (f32x4.mul (local.get $r)
              (f32x4.add (local.get $p4) (f32x4.mul (local.get $r)
              (f32x4.add (local.get $p3) (f32x4.mul (local.get $r)
              (f32x4.add (local.get $p2) (f32x4.mul (local.get $r)
              (f32x4.add (local.get $p1) (f32x4.mul (local.get $r) (local.get $p0)))))))))))))
          ;; 2^k: k + 127 in the place of the exponent
          (i32x4.shl
            (i32x4.add (i32x4.trunc_sat_f32x4_s (local.get $k)) (v128.const i32x4 127 127 127 127))
            (i32.const 23)))
        (f32x4.lt (local.get $v) (local.get $least))))
    (local.set $x (i32.add (local.get $x) (i32.const 16)))
    (local.set $y (i32.add (local.get $y) (i32.const 16)))
    (br_if $four (local.tee $n (i32.sub (local.get $n) (i32.const 4))))))

;; The sum of four lanes.
(func $lanes (param $x v128) (result f32)
  (f32.add
    (f32.add (f32x4.extract_lane 0 (local.get $x)) (f32x4.extract_lane 2 (local.get $x)))
    (f32.add (f32x4.extract_lane 1 (local.get $x)) (f32x4.extract_lane 3 (local.get $x)))))

;; y = silu(g) u
(func (export "swiglu") (param $g i32) (param $u i32) (param $n i32) (param $y i32)
  (local $one v128)
  (local.set $one (f32x4.splat (f32.const 1)))
  (call $exponentials (local.get $g) (local.get $n) (f32.const -1) (f32.const 0) (local.get $y))
  (loop $four
    (v128.store (local.get $y)
      (f32x4.mul
        (f32x4.div (v128.load (local.get $g)) (f32x4.add (local.get $one) (v128.load (local.get $y))))
        (v128.load (local.get $u))))
    (local.set $g (i32.add (local.get $g) (i32.const 16)))
    (local.set $u (i32.add (local.get $u) (i32.const 16)))
    (local.set $y (i32.add (local.get $y) (i32.const 16)))
    (br_if $four (local.tee $n (i32.sub (local.get $n) (i32.const 4))))))

;; dg = dy u σ(g) (1 + g (1 − σ(g))), du = dy g σ(g)
(func (export "swigluBackward")
  (param $dy i32) (param $g i32) (param $u i32) (param $n i32) (param $dg i32) (param $du i32)
  (local $gate v128) (local $sigma v128) (local $d v128) (local $one v128)
  (local.set $one (f32x4.splat (f32.const 1)))
  (call $exponentials (local.get $g) (local.get $n) (f32.const -1) (f32.const 0) (local.get $dg))
  (loop $four
    (local.set $gate (v128.load (local.get $g)))
    (local.set $sigma (f32x4.div (local.get $one) (f32x4.add (local.get $one) (v128.load (local.get $dg)))))
    (local.set $d (f32x4.mul (v128.load (local.get $dy)) (local.get $sigma)))
    (v128.store (local.get $dg)
      (f32x4.mul
        (f32x4.mul (local.get $d) (v128.load (local.get $u)))
        (f32x4.add (local.get $one)
          (f32x4.mul (local.get $gate) (f32x4.sub (local.get $one) (local.get $sigma))))))
    (v128.store (local.get $du) (f32x4.mul (local.get $d) (local.get $gate)))
    (local.set $dy (i32.add (local.get $dy) (i32.const 16)))
    (local.set $g (i32.add (local.get $g) (i32.const 16)))
    (local.set $u (i32.add (local.get $u) (i32.const 16)))
    (local.set $dg (i32.add (local.get $dg) (i32.const 16)))
    (local.set $du (i32.add (local.get $du) (i32.const 16)))
    (br_if $four (local.tee $n (i32.sub (local.get $n) (i32.const 4))))))

;; y = r x w with r = 1 / √(mean(x²) + ε), which is returned
(func (export "rmsNorm") (param $x i32) (param $w i32) (param $n i32) (param $epsilon f32) (param $y i32) (result f32)
  (local $at i32) (local $end i32) (local $sum v128) (local $v v128) (local $r f32)
  (local.set $at (local.get $x))
  (local.set $end (i32.add (local.get $x) (i32.shl (local.get $n) (i32.const 2))))
  (loop $squares
    (local.set $v (v128.load (local.get $at)))
    (local.set $sum (f32x4.add (local.get $sum) (f32x4.mul (local.get $v) (local.get $v))))
    (br_if $squares (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end))))
  (local.set $r
    (f32.div (f32.const 1)
      (f32.sqrt
        (f32.add (local.get $epsilon) (f32.div (call $lanes (local.get $sum)) (f32.convert_i32_u (local.get $n)))))))
  (loop $scaled
    (v128.store (local.get $y)
      (f32x4.mul (f32x4.mul (f32x4.splat (local.get $r)) (v128.load (local.get $x))) (v128.load (local.get $w))))
    (local.set $y (i32.add (local.get $y) (i32.const 16)))
    (local.set $w (i32.add (local.get $w) (i32.const 16)))
    (br_if $scaled (i32.lt_u (local.tee $x (i32.add (local.get $x) (i32.const 16))) (local.get $end))))
  (local.get $r))

;; dx += r w dy − x r³ / n · Σ w dy x
(func (export "rmsNormBackward")
  (param $dy i32) (param $x i32) (param $r f32) (param $w i32) (param $n i32) (param $dx i32)
  (local $at i32) (local $d i32) (local $weight i32) (local $end i32) (local $sum v128) (local $shrink v128)
  (local.set $at (local.get $x))
  (local.set $d (local.get $dy))
  (local.set $weight (local.get $w))
  (local.set $end (i32.add (local.get $x) (i32.shl (local.get $n) (i32.const 2))))
  (loop $dot
    (local.set $sum
      (f32x4.add (local.get $sum)
        (f32x4.mul
          (f32x4.mul (v128.load (local.get $weight)) (v128.load (local.get $d)))
          (v128.load (local.get $at)))))
    (local.set $d (i32.add (local.get $d) (i32.const 16)))
    (local.set $weight (i32.add (local.get $weight) (i32.const 16)))
    (br_if $dot (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end))))
  (local.set $shrink
    (f32x4.splat
      (f32.div
        (f32.mul (call $lanes (local.get $sum))
          (f32.mul (local.get $r) (f32.mul (local.get $r) (local.get $r))))
        (f32.convert_i32_u (local.get $n)))))
  (loop $difference
    (v128.store (local.get $dx)
      (f32x4.add (v128.load (local.get $dx))
        (f32x4.sub
          (f32x4.mul
            (f32x4.splat (local.get $r))
            (f32x4.mul (v128.load (local.get $w)) (v128.load (local.get $dy))))
          (f32x4.mul (local.get $shrink) (v128.load (local.get $x))))))
    (local.set $dy (i32.add (local.get $dy) (i32.const 16)))
    (local.set $w (i32.add (local.get $w) (i32.const 16)))
    (local.set $dx (i32.add (local.get $dx) (i32.const 16)))
    (br_if $difference (i32.lt_u (local.tee $x (i32.add (local.get $x) (i32.const 16))) (local.get $end)))))

;; Pairs (a_i, b_i) to (a_i c_i − b_i s_i, b_i c_i + a_i s_i) in place, s taken times `direction`
(func (export "rotatePairs") (param $a i32) (param $b i32) (param $cos i32) (param $sin i32) (param $n i32) (param $direction f32)
  (local $x v128) (local $y v128) (local $c v128) (local $s v128) (local $sign v128)
  (local.set $sign (f32x4.splat (local.get $direction)))
  (loop $four
    (local.set $x (v128.load (local.get $a)))
    (local.set $y (v128.load (local.get $b)))
    (local.set $c (v128.load (local.get $cos)))
    (local.set $s (f32x4.mul (local.get $sign) (v128.load (local.get $sin))))
    (v128.store (local.get $a)
      (f32x4.sub (f32x4.mul (local.get $x) (local.get $c)) (f32x4.mul (local.get $y) (local.get $s))))
    (v128.store (local.get $b)
      (f32x4.add (f32x4.mul (local.get $y) (local.get $c)) (f32x4.mul (local.get $x) (local.get $s))))
    (local.set $a (i32.add (local.get $a) (i32.const 16)))
    (local.set $b (i32.add (local.get $b) (i32.const 16)))
    (local.set $cos (i32.add (local.get $cos) (i32.const 16)))
    (local.set $sin (i32.add (local.get $sin) (i32.const 16)))
    (br_if $four (local.tee $n (i32.sub (local.get $n) (i32.const 4))))))
