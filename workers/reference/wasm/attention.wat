;; The inner loops of attention, for one head of one row. A head's keys (or values) are rows of `bytes` bytes, a multiple of 32;
;; row j is at `rows + offsets[j]`. `count` is a multiple of four: what is missing is filled up with a row that is read anyway
;; and has weight 0.
;;
;; Sums over columns are taken in four lanes and sums over rows in order, so they depend on nothing but the head's own numbers.

;; out[j] = x · row j
(func (export "dots") (param $x i32) (param $rows i32) (param $offsets i32) (param $count i32) (param $bytes i32) (param $out i32)
  (local $end i32) (local $at i32) (local $k0 i32) (local $k1 i32) (local $k2 i32) (local $k3 i32)
  (local $v v128) (local $s0 v128) (local $s1 v128) (local $s2 v128) (local $s3 v128)
  (local.set $end (i32.add (local.get $x) (local.get $bytes)))
  (loop $fourRows
    (local.set $k0 (i32.add (local.get $rows) (i32.load (local.get $offsets))))
    (local.set $k1 (i32.add (local.get $rows) (i32.load offset=4 (local.get $offsets))))
    (local.set $k2 (i32.add (local.get $rows) (i32.load offset=8 (local.get $offsets))))
    (local.set $k3 (i32.add (local.get $rows) (i32.load offset=12 (local.get $offsets))))
    (local.set $s0 (v128.const i32x4 0 0 0 0))
    (local.set $s1 (v128.const i32x4 0 0 0 0))
    (local.set $s2 (v128.const i32x4 0 0 0 0))
    (local.set $s3 (v128.const i32x4 0 0 0 0))
    (local.set $at (local.get $x))
    (loop $columns
      (local.set $v (v128.load (local.get $at)))
      (local.set $s0 (f32x4.add (local.get $s0) (f32x4.mul (local.get $v) (v128.load (local.get $k0)))))
      (local.set $s1 (f32x4.add (local.get $s1) (f32x4.mul (local.get $v) (v128.load (local.get $k1)))))
      (local.set $s2 (f32x4.add (local.get $s2) (f32x4.mul (local.get $v) (v128.load (local.get $k2)))))
      (local.set $s3 (f32x4.add (local.get $s3) (f32x4.mul (local.get $v) (v128.load (local.get $k3)))))
      (local.set $v (v128.load offset=16 (local.get $at)))
      (local.set $s0 (f32x4.add (local.get $s0) (f32x4.mul (local.get $v) (v128.load offset=16 (local.get $k0)))))
      (local.set $s1 (f32x4.add (local.get $s1) (f32x4.mul (local.get $v) (v128.load offset=16 (local.get $k1)))))
      (local.set $s2 (f32x4.add (local.get $s2) (f32x4.mul (local.get $v) (v128.load offset=16 (local.get $k2)))))
      (local.set $s3 (f32x4.add (local.get $s3) (f32x4.mul (local.get $v) (v128.load offset=16 (local.get $k3)))))
      (local.set $k0 (i32.add (local.get $k0) (i32.const 32)))
      (local.set $k1 (i32.add (local.get $k1) (i32.const 32)))
      (local.set $k2 (i32.add (local.get $k2) (i32.const 32)))
      (local.set $k3 (i32.add (local.get $k3) (i32.const 32)))
      (br_if $columns
        (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 32))) (local.get $end))))
    ;; Four sums of four lanes to one vector: first lanes 0 + 2 and 1 + 3 of each, in pairs of rows.
    (local.set $s0 (f32x4.add
      (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $s0) (local.get $s1))
      (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 (local.get $s0) (local.get $s1))))
    (local.set $s2 (f32x4.add
      (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $s2) (local.get $s3))
      (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 (local.get $s2) (local.get $s3))))
    (v128.store (local.get $out) (f32x4.add
      (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $s0) (local.get $s2))
      (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 (local.get $s0) (local.get $s2))))
    (local.set $out (i32.add (local.get $out) (i32.const 16)))
    (local.set $offsets (i32.add (local.get $offsets) (i32.const 16)))
    (br_if $fourRows (local.tee $count (i32.sub (local.get $count) (i32.const 4))))))

;; y += Σ_j weights[j] · row j
(func (export "combine") (param $weights i32) (param $rows i32) (param $offsets i32) (param $count i32) (param $bytes i32) (param $y i32)
  (local $end i32) (local $at i32) (local $k0 i32) (local $k1 i32) (local $k2 i32) (local $k3 i32)
  (local $w0 v128) (local $w1 v128) (local $w2 v128) (local $w3 v128)
  (local.set $end (i32.add (local.get $y) (local.get $bytes)))
  (loop $fourRows
    (local.set $k0 (i32.add (local.get $rows) (i32.load (local.get $offsets))))
    (local.set $k1 (i32.add (local.get $rows) (i32.load offset=4 (local.get $offsets))))
    (local.set $k2 (i32.add (local.get $rows) (i32.load offset=8 (local.get $offsets))))
    (local.set $k3 (i32.add (local.get $rows) (i32.load offset=12 (local.get $offsets))))
    (local.set $w0 (v128.load32_splat (local.get $weights)))
    (local.set $w1 (v128.load32_splat offset=4 (local.get $weights)))
    (local.set $w2 (v128.load32_splat offset=8 (local.get $weights)))
    (local.set $w3 (v128.load32_splat offset=12 (local.get $weights)))
    (local.set $at (local.get $y))
    (loop $columns
      (v128.store (local.get $at)
        (f32x4.add (v128.load (local.get $at))
          (f32x4.add
            (f32x4.add
              (f32x4.mul (local.get $w0) (v128.load (local.get $k0)))
              (f32x4.mul (local.get $w1) (v128.load (local.get $k1))))
            (f32x4.add
              (f32x4.mul (local.get $w2) (v128.load (local.get $k2)))
              (f32x4.mul (local.get $w3) (v128.load (local.get $k3)))))))
      (v128.store offset=16 (local.get $at)
        (f32x4.add (v128.load offset=16 (local.get $at))
          (f32x4.add
            (f32x4.add
              (f32x4.mul (local.get $w0) (v128.load offset=16 (local.get $k0)))
              (f32x4.mul (local.get $w1) (v128.load offset=16 (local.get $k1))))
            (f32x4.add
              (f32x4.mul (local.get $w2) (v128.load offset=16 (local.get $k2)))
              (f32x4.mul (local.get $w3) (v128.load offset=16 (local.get $k3)))))))
      (local.set $k0 (i32.add (local.get $k0) (i32.const 32)))
      (local.set $k1 (i32.add (local.get $k1) (i32.const 32)))
      (local.set $k2 (i32.add (local.get $k2) (i32.const 32)))
      (local.set $k3 (i32.add (local.get $k3) (i32.const 32)))
      (br_if $columns
        (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 32))) (local.get $end))))
    (local.set $weights (i32.add (local.get $weights) (i32.const 16)))
    (local.set $offsets (i32.add (local.get $offsets) (i32.const 16)))
    (br_if $fourRows (local.tee $count (i32.sub (local.get $count) (i32.const 4))))))

;; row j += weights[j] · x, one row at a time, since a row that fills up may be the one before it
(func (export "spread") (param $weights i32) (param $x i32) (param $rows i32) (param $offsets i32) (param $count i32) (param $bytes i32)
  (local $end i32) (local $at i32) (local $k i32) (local $w v128)
  (local.set $end (i32.add (local.get $x) (local.get $bytes)))
  (loop $eachRow
    (local.set $k (i32.add (local.get $rows) (i32.load (local.get $offsets))))
    (local.set $w (v128.load32_splat (local.get $weights)))
    (local.set $at (local.get $x))
    (loop $columns
      (v128.store (local.get $k)
        (f32x4.add (v128.load (local.get $k)) (f32x4.mul (local.get $w) (v128.load (local.get $at)))))
      (v128.store offset=16 (local.get $k)
        (f32x4.add (v128.load offset=16 (local.get $k)) (f32x4.mul (local.get $w) (v128.load offset=16 (local.get $at)))))
      (local.set $k (i32.add (local.get $k) (i32.const 32)))
      (br_if $columns
        (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 32))) (local.get $end))))
    (local.set $weights (i32.add (local.get $weights) (i32.const 4)))
    (local.set $offsets (i32.add (local.get $offsets) (i32.const 4)))
    (br_if $eachRow (local.tee $count (i32.sub (local.get $count) (i32.const 1))))))

;; x ← softmax(scale · x) in place, over `count` numbers, a multiple of four; -Infinity fills up.
(func (export "softmax") (param $x i32) (param $count i32) (param $scale f32)
  (local $end i32) (local $at i32) (local $largest v128) (local $factor v128) (local $sum v128)
  (local.set $end (i32.add (local.get $x) (i32.shl (local.get $count) (i32.const 2))))
  (local.set $largest (v128.load (local.get $x)))
  (local.set $at (local.get $x))
  (loop $maximum
    (local.set $largest (f32x4.max (local.get $largest) (v128.load (local.get $at))))
    (br_if $maximum (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end))))
  (local.set $largest (f32x4.max (local.get $largest)
    (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $largest) (local.get $largest))))
  (local.set $largest (f32x4.max (local.get $largest)
    (i8x16.shuffle 4 5 6 7 0 1 2 3 12 13 14 15 8 9 10 11 (local.get $largest) (local.get $largest))))
  (call $exponentials
    (local.get $x) (local.get $count) (local.get $scale) (f32x4.extract_lane 0 (local.get $largest)) (local.get $x))
  (local.set $at (local.get $x))
  (loop $total
    (local.set $sum (f32x4.add (local.get $sum) (v128.load (local.get $at))))
    (br_if $total (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end))))
  (local.set $factor (f32x4.splat (f32.div (f32.const 1) (call $lanes (local.get $sum)))))
  (local.set $at (local.get $x))
  (loop $quotients
    (v128.store (local.get $at) (f32x4.mul (local.get $factor) (v128.load (local.get $at))))
    (br_if $quotients (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end)))))

;; dp ← scale · p (dp − Σ p dp) in place: the gradient over what softmax was taken of, from that over its result.
(func (export "softmaxBackward") (param $dp i32) (param $p i32) (param $count i32) (param $scale f32)
  (local $end i32) (local $at i32) (local $weight i32) (local $mean v128)
  (local.set $end (i32.add (local.get $dp) (i32.shl (local.get $count) (i32.const 2))))
  (local.set $at (local.get $dp))
  (local.set $weight (local.get $p))
  (loop $sum
    (local.set $mean
      (f32x4.add (local.get $mean) (f32x4.mul (v128.load (local.get $weight)) (v128.load (local.get $at)))))
    (local.set $weight (i32.add (local.get $weight) (i32.const 16)))
    (br_if $sum (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end))))
  (local.set $mean (f32x4.splat (call $lanes (local.get $mean))))
  (local.set $at (local.get $dp))
  (loop $differences
    (v128.store (local.get $at)
      (f32x4.mul
        (f32x4.mul (f32x4.splat (local.get $scale)) (v128.load (local.get $p)))
        (f32x4.sub (v128.load (local.get $at)) (local.get $mean))))
    (local.set $p (i32.add (local.get $p) (i32.const 16)))
    (br_if $differences (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end)))))
