;; Elementwise loops. Addresses and numbers of elements; `n` is a multiple of four and not 0.

;; e^x in four lanes, to 1e-7 of it: 2^k · e^r with |r| ≤ ln 2 / 2, and e^r by a polynomial (Cephes, expf). Below e^-87 it is
;; 0, and above e^88 stays there; NaN stays NaN.
(func $exp (param $x v128) (result v128)
  (local $k v128) (local $r v128) (local $tiny v128)
  (local.set $tiny (f32x4.lt (local.get $x) (v128.const f32x4 -87 -87 -87 -87)))
  (local.set $x (f32x4.max (f32x4.min (local.get $x) (v128.const f32x4 88 88 88 88)) (v128.const f32x4 -87 -87 -87 -87)))
  (local.set $k (f32x4.nearest
    (f32x4.mul (local.get $x) (v128.const f32x4 1.44269504 1.44269504 1.44269504 1.44269504))))
  ;; ln 2 in two parts, of which the first times k is exact
  (local.set $r (f32x4.sub
    (f32x4.sub (local.get $x)
      (f32x4.mul (local.get $k) (v128.const f32x4 0.693359375 0.693359375 0.693359375 0.693359375)))
    (f32x4.mul (local.get $k) (v128.const f32x4 -2.12194440e-4 -2.12194440e-4 -2.12194440e-4 -2.12194440e-4))))
  (v128.andnot
    (f32x4.mul
      (f32x4.add
        (f32x4.add (local.get $r) (v128.const f32x4 1 1 1 1))
        (f32x4.mul (f32x4.mul (local.get $r) (local.get $r))
          (f32x4.add (v128.const f32x4 5.0000001201e-1 5.0000001201e-1 5.0000001201e-1 5.0000001201e-1)
          (f32x4.mul (local.get $r)
          (f32x4.add (v128.const f32x4 1.6666665459e-1 1.6666665459e-1 1.6666665459e-1 1.6666665459e-1)
          (f32x4.mul (local.get $r)
          (f32x4.add (v128.const f32x4 4.1665795894e-2 4.1665795894e-2 4.1665795894e-2 4.1665795894e-2)
          (f32x4.mul (local.get $r)
          (f32x4.add (v128.const f32x4 8.3334519073e-3 8.3334519073e-3 8.3334519073e-3 8.3334519073e-3)
          (f32x4.mul (local.get $r)
          (f32x4.add (v128.const f32x4 1.3981999507e-3 1.3981999507e-3 1.3981999507e-3 1.3981999507e-3)
          (f32x4.mul (local.get $r)
            (v128.const f32x4 1.9875691500e-4 1.9875691500e-4 1.9875691500e-4 1.9875691500e-4)))))))))))))
      ;; 2^k: k + 127 in the place of the exponent
      (i32x4.shl
        (i32x4.add (i32x4.trunc_sat_f32x4_s (local.get $k)) (v128.const i32x4 127 127 127 127))
        (i32.const 23)))
    (local.get $tiny)))

;; The sum of four lanes.
(func $lanes (param $x v128) (result f32)
  (f32.add
    (f32.add (f32x4.extract_lane 0 (local.get $x)) (f32x4.extract_lane 2 (local.get $x)))
    (f32.add (f32x4.extract_lane 1 (local.get $x)) (f32x4.extract_lane 3 (local.get $x)))))

(func (export "exp") (param $x i32) (param $n i32) (param $y i32)
  (loop $four
    (v128.store (local.get $y) (call $exp (v128.load (local.get $x))))
    (local.set $x (i32.add (local.get $x) (i32.const 16)))
    (local.set $y (i32.add (local.get $y) (i32.const 16)))
    (br_if $four (local.tee $n (i32.sub (local.get $n) (i32.const 4))))))

;; y = silu(g) u
(func (export "swiglu") (param $g i32) (param $u i32) (param $n i32) (param $y i32)
  (local $gate v128)
  (loop $four
    (local.set $gate (v128.load (local.get $g)))
    (v128.store (local.get $y)
      (f32x4.mul
        (f32x4.div (local.get $gate)
          (f32x4.add (v128.const f32x4 1 1 1 1) (call $exp (f32x4.neg (local.get $gate)))))
        (v128.load (local.get $u))))
    (local.set $g (i32.add (local.get $g) (i32.const 16)))
    (local.set $u (i32.add (local.get $u) (i32.const 16)))
    (local.set $y (i32.add (local.get $y) (i32.const 16)))
    (br_if $four (local.tee $n (i32.sub (local.get $n) (i32.const 4))))))

;; dg = dy u σ(g) (1 + g (1 − σ(g))), du = dy g σ(g)
(func (export "swigluBackward")
  (param $dy i32) (param $g i32) (param $u i32) (param $n i32) (param $dg i32) (param $du i32)
  (local $gate v128) (local $sigma v128) (local $d v128) (local $one v128)
  (local.set $one (v128.const f32x4 1 1 1 1))
  (loop $four
    (local.set $gate (v128.load (local.get $g)))
    (local.set $sigma
      (f32x4.div (local.get $one) (f32x4.add (local.get $one) (call $exp (f32x4.neg (local.get $gate))))))
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
