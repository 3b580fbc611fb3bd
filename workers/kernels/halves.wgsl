// Half precision as devices have it.
alias Half4 = vec4<f16>;
alias Stored4 = vec4<f16>;
fn stored4(value: vec4f) -> Stored4 { return Stored4(value); }
fn loaded4(value: Stored4) -> Half4 { return value; }
fn multiplyAdd(a: f16, b: Half4, sum: Half4) -> Half4 { return fma(Half4(a), b, sum); }
