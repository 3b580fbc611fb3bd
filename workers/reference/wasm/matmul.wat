;; C += alpha · A B in 32-bit floats, four rows by eight columns at a time; `matmul.ts` cuts matrices into blocks.
;;
;; An element's sum runs over k in order, so it does not depend on the block the element is in.

;; B [k, n] in strips of eight columns, each strip [k, 8] contiguous. Element (p, j) is read at `from + p · kStep + j · nStep`.
;; n is a multiple of 8; all steps are in bytes.
(func (export "pack") (param $from i32) (param $kStep i32) (param $nStep i32) (param $k i32) (param $n i32) (param $to i32)
  (local $p i32) (local $source i32) (local $rest i32)
  (loop $strip
    (local.set $p (local.get $k))
    (local.set $source (local.get $from))
    (if (i32.eq (local.get $nStep) (i32.const 4))
      (then
        (loop $row
          (v128.store (local.get $to) (v128.load (local.get $source)))
          (v128.store offset=16 (local.get $to) (v128.load offset=16 (local.get $source)))
          (local.set $to (i32.add (local.get $to) (i32.const 32)))
          (local.set $source (i32.add (local.get $source) (local.get $kStep)))
          (br_if $row (local.tee $p (i32.sub (local.get $p) (i32.const 1))))))
      (else
        (loop $row
          (local.set $rest (i32.const 8))
          (loop $element
            (f32.store (local.get $to) (f32.load (local.get $source)))
            (local.set $to (i32.add (local.get $to) (i32.const 4)))
            (local.set $source (i32.add (local.get $source) (local.get $nStep)))
            (br_if $element (local.tee $rest (i32.sub (local.get $rest) (i32.const 1)))))
          (local.set $source
            (i32.add (i32.sub (local.get $source) (i32.shl (local.get $nStep) (i32.const 3))) (local.get $kStep)))
          (br_if $row (local.tee $p (i32.sub (local.get $p) (i32.const 1)))))))
    (local.set $from (i32.add (local.get $from) (i32.shl (local.get $nStep) (i32.const 3))))
    (br_if $strip (local.tee $n (i32.sub (local.get $n) (i32.const 8))))))

;; C [m, n] += alpha · A [m, k] · B [k, n], or = where `fresh` is not 0. Element (i, p) of A is at `a + i · aRow + p · aCol`, row i of C at `c + i · cRow`
;; (bytes); B is packed. m is a multiple of 4, n of 8, none is 0.
(func (export "multiply") (param $m i32) (param $n i32) (param $k i32)
  (param $a i32) (param $aRow i32) (param $aCol i32) (param $b i32) (param $c i32) (param $cRow i32) (param $alpha f32) (param $fresh i32)
  (local $columns i32) (local $rows i32) (local $p i32)
  (local $a0 i32) (local $a1 i32) (local $a2 i32) (local $a3 i32)
  (local $strip i32) (local $out i32) (local $scale v128)
  (local $b0 v128) (local $b1 v128) (local $x v128)
  ;; sums of row i: $ci0 columns 0–3, $ci1 columns 4–7
  (local $c00 v128) (local $c01 v128) (local $c10 v128) (local $c11 v128)
  (local $c20 v128) (local $c21 v128) (local $c30 v128) (local $c31 v128)
  (local.set $scale (f32x4.splat (local.get $alpha)))
  (local.set $columns (local.get $n))
  (loop $eachStrip
    (local.set $rows (local.get $m))
    (local.set $a0 (local.get $a))
    (local.set $out (local.get $c))
    (loop $eachFourRows
      (local.set $a1 (i32.add (local.get $a0) (local.get $aRow)))
      (local.set $a2 (i32.add (local.get $a1) (local.get $aRow)))
      (local.set $a3 (i32.add (local.get $a2) (local.get $aRow)))
      (local.set $strip (local.get $b))
      (local.set $p (local.get $k))
      (local.set $c00 (v128.const i32x4 0 0 0 0))
      (local.set $c01 (v128.const i32x4 0 0 0 0))
      (local.set $c10 (v128.const i32x4 0 0 0 0))
      (local.set $c11 (v128.const i32x4 0 0 0 0))
      (local.set $c20 (v128.const i32x4 0 0 0 0))
      (local.set $c21 (v128.const i32x4 0 0 0 0))
      (local.set $c30 (v128.const i32x4 0 0 0 0))
      (local.set $c31 (v128.const i32x4 0 0 0 0))
      (loop $inner
        (local.set $b0 (v128.load (local.get $strip)))
        (local.set $b1 (v128.load offset=16 (local.get $strip)))
        (local.set $strip (i32.add (local.get $strip) (i32.const 32)))
        (local.set $x (v128.load32_splat (local.get $a0)))
        (local.set $c00 (f32x4.add (local.get $c00) (f32x4.mul (local.get $x) (local.get $b0))))
        (local.set $c01 (f32x4.add (local.get $c01) (f32x4.mul (local.get $x) (local.get $b1))))
        (local.set $x (v128.load32_splat (local.get $a1)))
        (local.set $c10 (f32x4.add (local.get $c10) (f32x4.mul (local.get $x) (local.get $b0))))
        (local.set $c11 (f32x4.add (local.get $c11) (f32x4.mul (local.get $x) (local.get $b1))))
        (local.set $x (v128.load32_splat (local.get $a2)))
        (local.set $c20 (f32x4.add (local.get $c20) (f32x4.mul (local.get $x) (local.get $b0))))
        (local.set $c21 (f32x4.add (local.get $c21) (f32x4.mul (local.get $x) (local.get $b1))))
        (local.set $x (v128.load32_splat (local.get $a3)))
        (local.set $c30 (f32x4.add (local.get $c30) (f32x4.mul (local.get $x) (local.get $b0))))
        (local.set $c31 (f32x4.add (local.get $c31) (f32x4.mul (local.get $x) (local.get $b1))))
        (local.set $a0 (i32.add (local.get $a0) (local.get $aCol)))
        (local.set $a1 (i32.add (local.get $a1) (local.get $aCol)))
        (local.set $a2 (i32.add (local.get $a2) (local.get $aCol)))
        (local.set $a3 (i32.add (local.get $a3) (local.get $aCol)))
        (br_if $inner (local.tee $p (i32.sub (local.get $p) (i32.const 1)))))
      (if (local.get $fresh)
        (then
          (v128.store (local.get $out) (f32x4.mul (local.get $scale) (local.get $c00)))
          (v128.store offset=16 (local.get $out) (f32x4.mul (local.get $scale) (local.get $c01)))
          (local.set $out (i32.add (local.get $out) (local.get $cRow)))
          (v128.store (local.get $out) (f32x4.mul (local.get $scale) (local.get $c10)))
          (v128.store offset=16 (local.get $out) (f32x4.mul (local.get $scale) (local.get $c11)))
          (local.set $out (i32.add (local.get $out) (local.get $cRow)))
          (v128.store (local.get $out) (f32x4.mul (local.get $scale) (local.get $c20)))
          (v128.store offset=16 (local.get $out) (f32x4.mul (local.get $scale) (local.get $c21)))
          (local.set $out (i32.add (local.get $out) (local.get $cRow)))
          (v128.store (local.get $out) (f32x4.mul (local.get $scale) (local.get $c30)))
          (v128.store offset=16 (local.get $out) (f32x4.mul (local.get $scale) (local.get $c31)))
          (local.set $out (i32.add (local.get $out) (local.get $cRow))))
        (else
          (v128.store (local.get $out) (f32x4.add (v128.load (local.get $out)) (f32x4.mul (local.get $scale) (local.get $c00))))
          (v128.store offset=16 (local.get $out) (f32x4.add (v128.load offset=16 (local.get $out)) (f32x4.mul (local.get $scale) (local.get $c01))))
          (local.set $out (i32.add (local.get $out) (local.get $cRow)))
          (v128.store (local.get $out) (f32x4.add (v128.load (local.get $out)) (f32x4.mul (local.get $scale) (local.get $c10))))
          (v128.store offset=16 (local.get $out) (f32x4.add (v128.load offset=16 (local.get $out)) (f32x4.mul (local.get $scale) (local.get $c11))))
          (local.set $out (i32.add (local.get $out) (local.get $cRow)))
          (v128.store (local.get $out) (f32x4.add (v128.load (local.get $out)) (f32x4.mul (local.get $scale) (local.get $c20))))
          (v128.store offset=16 (local.get $out) (f32x4.add (v128.load offset=16 (local.get $out)) (f32x4.mul (local.get $scale) (local.get $c21))))
          (local.set $out (i32.add (local.get $out) (local.get $cRow)))
          (v128.store (local.get $out) (f32x4.add (v128.load (local.get $out)) (f32x4.mul (local.get $scale) (local.get $c30))))
          (v128.store offset=16 (local.get $out) (f32x4.add (v128.load offset=16 (local.get $out)) (f32x4.mul (local.get $scale) (local.get $c31))))
          (local.set $out (i32.add (local.get $out) (local.get $cRow)))))
      ;; $a0 has gone along its row; the next four rows begin four rows below where it began.
      (local.set $a0
        (i32.add
          (i32.sub (local.get $a0) (i32.mul (local.get $k) (local.get $aCol)))
          (i32.shl (local.get $aRow) (i32.const 2))))
      (br_if $eachFourRows (local.tee $rows (i32.sub (local.get $rows) (i32.const 4)))))
    (local.set $b (i32.add (local.get $b) (i32.shl (local.get $k) (i32.const 5))))
    (local.set $c (i32.add (local.get $c) (i32.const 32)))
    (br_if $eachStrip (local.tee $columns (i32.sub (local.get $columns) (i32.const 8))))))
