// Keys and values in single precision.
alias Kv = vec4f;
fn kvOf(stored: Kv) -> vec4f { return stored; }
fn toKv(value: vec4f) -> Kv { return value; }
