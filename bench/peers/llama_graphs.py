"""The stronger peer: the same model and training step in plain PyTorch, replayed as CUDA graphs.

NOT RUN ON A GPU WHEN IT WAS WRITTEN: there was none. `--check` runs everything without graphs at a tiny shape on the CPU,
against torch's own autograd of a straightforward forward, and that was run (docs/performance.md).

Same as `npm run bench -- --shapes smollm2-135m` in shape, sizes and work: a Llama decoder (RMSNorm, half-rotation RoPE,
grouped-query attention, SwiGLU, tied head) with LoRA of rank 8 on all seven projections of every layer, random weights.
  generate  32 prompts of 64 tokens, 64 tokens each: one prefill, then one graph for a token, replayed
  update    policy gradient on 32 x 256 tokens: forward, loss, backward to the LoRA parameters, clipping, Adam: one graph
Left out, as in the Hugging Face peer: the forward of the base for the KL term. So this peer does less than our update.
Base weights are bf16 (the engine's are 4-bit), LoRA parameters and Adam's moments f32, matrix products bf16.

    pip install 'torch>=2.5'
    python bench/peers/llama_graphs.py --shape smollm2-135m --out peer.json
    npm run bench -- --shapes smollm2-135m --cases decode,update --out ours.json     # in the same session, same GPU
"""
import argparse
import json
import math
import statistics
import time

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

SHAPES = {
    'nano': dict(hidden=64, ffn=192, layers=4, heads=2, kv_heads=2, head=32, vocabulary=128, theta=1e4),
    'smollm2-135m': dict(hidden=576, ffn=1536, layers=30, heads=9, kv_heads=3, head=64, vocabulary=49152, theta=1e5),
    'smollm2-360m': dict(hidden=960, ffn=2560, layers=32, heads=15, kv_heads=5, head=64, vocabulary=49152, theta=1e5),
    # Without Qwen3's norm on queries and keys, as in our bench.
    'qwen3-0.6b': dict(hidden=1024, ffn=3072, layers=28, heads=16, kv_heads=8, head=128, vocabulary=151936, theta=1e6),
}
RANK, ALPHA = 8, 16


class Model:
    def __init__(self, shape, device, dtype):
        self.c = c = argparse.Namespace(**shape)
        self.dtype = dtype
        q, kv = c.heads * c.head, c.kv_heads * c.head
        # name -> (out, in); q, k, v and gate, up are fused in the base and apart in LoRA, as in the engine.
        self.projections = dict(q=(q, c.hidden), k=(kv, c.hidden), v=(kv, c.hidden), o=(c.hidden, q),
                                gate=(c.ffn, c.hidden), up=(c.ffn, c.hidden), down=(c.hidden, c.ffn))
        self.groups = dict(qkv=('q', 'k', 'v'), o=('o',), gate_up=('gate', 'up'), down=('down',))
        normal = lambda *size: torch.randn(*size, device=device)
        self.embedding = (normal(c.vocabulary, c.hidden) * 0.02).to(dtype)
        self.layers, self.lora = [], []
        for _ in range(c.layers):
            layer = {name: torch.cat([normal(*self.projections[p]) / math.sqrt(self.projections[p][1]) for p in parts])
                     .to(dtype) for name, parts in self.groups.items()}
            self.layers.append(layer)
            self.lora.append({p: ((torch.rand(RANK, i, device=device) * 2 - 1) * math.sqrt(3 / i),
                                  torch.randn(o, RANK, device=device) * 0.02)
                              for p, (o, i) in self.projections.items()})
        for pair in self.lora:
            for a, b in pair.values():
                a.requires_grad_(True)
                b.requires_grad_(True)
        inverse = c.theta ** (-torch.arange(0, c.head, 2, device=device).float() / c.head)
        angle = torch.arange(1024, device=device).float()[:, None] * inverse
        self.cos, self.sin = angle.cos().to(dtype), angle.sin().to(dtype)

    def parameters(self):
        return [x for pair in self.lora for ab in pair.values() for x in ab]

    def linear(self, l, group, x):
        parts = self.groups[group]
        y = F.linear(x, self.layers[l][group])
        up = [F.linear(F.linear(x, a.to(self.dtype)), b.to(self.dtype)) for a, b in (self.lora[l][p] for p in parts)]
        return y + (ALPHA / RANK) * torch.cat(up, -1)

    def norm(self, x):
        return (x * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + 1e-5)).to(self.dtype)

    def rope(self, x, positions):
        cos, sin = self.cos[positions], self.sin[positions]  # [tokens, head / 2]
        a, b = x.chunk(2, -1)
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

    def forward(self, ids, positions, cache=None, mask=None):
        """ids [rows, tokens] -> the normed states [rows, tokens, hidden].

        Without a mask the tokens see each other causally. With one [1, 1, 1, slots] a row has one token, which sees the
        slots of `cache` (keys and values [rows, kv heads, slots, head]) that the mask says.
        """
        c = self.c
        rows, tokens = ids.shape
        x = self.embedding[ids]
        for l in range(c.layers):
            q, k, v = self.linear(l, 'qkv', self.norm(x)).split(
                [c.heads * c.head, c.kv_heads * c.head, c.kv_heads * c.head], -1)
            heads = lambda t, n: t.view(rows, tokens, n, c.head).transpose(1, 2)
            q, k, v = self.rope(heads(q, c.heads), positions), self.rope(heads(k, c.kv_heads), positions), heads(v, c.kv_heads)
            if cache is not None:
                keys = cache[l][0].index_copy_(2, positions, k)
                values = cache[l][1].index_copy_(2, positions, v)
            if mask is None:
                y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
            else:
                # One token a row: the heads that share keys are taken as so many queries, which the fast kernels accept
                # together with a mask.
                grouped = q.view(rows, c.kv_heads, c.heads // c.kv_heads, c.head)
                y = F.scaled_dot_product_attention(grouped, keys, values, attn_mask=mask).view(rows, c.heads, 1, c.head)
            x = x + self.linear(l, 'o', y.transpose(1, 2).reshape(rows, tokens, -1))
            gate, up = self.linear(l, 'gate_up', self.norm(x)).chunk(2, -1)
            x = x + self.linear(l, 'down', F.silu(gate) * up)
        return self.norm(x)

    def logits(self, states):
        return F.linear(states, self.embedding)


class Generator:
    """Prefill, then a token at a time; the step of a token is captured once and replayed."""

    def __init__(self, model, rows, prompt, tokens, graphs):
        c, device = model.c, model.embedding.device
        self.model, self.prompt, self.tokens = model, prompt, tokens
        slots = prompt + tokens
        self.cache = [[torch.zeros(rows, c.kv_heads, slots, c.head, device=device, dtype=model.dtype) for _ in 'kv']
                      for _ in range(c.layers)]
        self.slots = torch.arange(slots, device=device)
        self.ids = torch.zeros(rows, 1, dtype=torch.long, device=device)
        self.position = torch.zeros(1, dtype=torch.long, device=device)
        self.written = torch.zeros(rows, slots, dtype=torch.long, device=device)
        self.graph = capture(self.step, self.reset) if graphs else None

    def reset(self):
        self.position.fill_(self.prompt)

    def draw(self, states):
        logits = self.model.logits(states[:, -1]).float()
        # Gumbel-max, as the engine draws.
        return (logits - torch.empty_like(logits).exponential_().log()).argmax(-1, keepdim=True)

    def step(self):
        mask = (self.slots <= self.position)[None, None, None]
        states = self.model.forward(self.ids, self.position, self.cache, mask)
        self.ids.copy_(self.draw(states))
        self.position.add_(1)
        self.written.index_copy_(1, self.position.clamp(max=self.slots.numel() - 1), self.ids)

    @torch.no_grad()
    def run(self, prompts):
        positions = self.slots[: self.prompt]
        self.ids.copy_(self.draw(self.model.forward(prompts, positions, self.cache)))
        self.reset()
        self.written[:, self.prompt] = self.ids[:, 0]
        for _ in range(self.tokens - 1):
            self.graph.replay() if self.graph else self.step()
        return self.written[:, self.prompt:]


class Update:
    """loss = -mean(advantage * log p(token)); gradient norm clipped to 1; Adam, its state on the device."""

    def __init__(self, model, rows, tokens, graphs, rate=1e-6, chunk=2048):
        device = model.embedding.device
        self.model, self.chunk = model, chunk
        self.ids = torch.zeros(rows, tokens + 1, dtype=torch.long, device=device)
        self.advantages = torch.zeros(rows, 1, device=device)
        self.positions = torch.arange(tokens, device=device)
        self.parameters = model.parameters()
        self.optimizer = torch.optim.Adam(self.parameters, lr=rate, betas=(0.9, 0.99), capturable=graphs, foreach=True)
        self.loss = torch.zeros((), device=device)
        self.graph = capture(self.step) if graphs else None

    def log_probs(self, states, targets):
        return torch.log_softmax(self.model.logits(states).float(), -1).gather(-1, targets[:, None])[:, 0]

    def step(self):
        for p in self.parameters:
            p.grad = None if p.grad is None else p.grad.zero_()
        states = self.model.forward(self.ids[:, :-1], self.positions).flatten(0, 1)
        targets = self.ids[:, 1:].flatten()
        advantages = self.advantages.expand(self.ids.shape[0], self.ids.shape[1] - 1).flatten()
        # The vocabulary in chunks that are computed again in the backward: logits of all tokens would fill the memory.
        loss = states.new_zeros((), dtype=torch.float32)
        for i in range(0, targets.numel(), self.chunk):
            part = slice(i, i + self.chunk)
            # Nothing random is computed again, and the generator's state cannot be read while a graph is recorded.
            token = checkpoint(self.log_probs, states[part], targets[part], use_reentrant=False, preserve_rng_state=False)
            loss = loss - (advantages[part] * token).sum() / targets.numel()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0, foreach=True)
        self.optimizer.step()
        self.loss.copy_(loss.detach())

    def run(self, ids, advantages):
        self.ids.copy_(ids)
        self.advantages.copy_(advantages)
        self.graph.replay() if self.graph else self.step()
        return self.loss


def capture(step, reset=lambda: None):
    """PyTorch's recipe: warm up on a side stream, then record."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            reset()
            step()
    torch.cuda.current_stream().wait_stream(side)
    reset()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph


def timed(run, runs, device):
    synchronize = torch.cuda.synchronize if device == 'cuda' else lambda: None
    for _ in range(2):
        run()
    seconds = []
    for _ in range(runs):
        synchronize()
        start = time.perf_counter()
        run()
        synchronize()
        seconds.append(time.perf_counter() - start)
    middle = statistics.median(seconds)
    return dict(median=middle, mad=statistics.median([abs(s - middle) for s in seconds]), runs=seconds)


def check():
    """On the CPU, in f32, at an odd shape: cached decoding equals the forward of the whole, and the update its plain form."""
    torch.manual_seed(1)
    shape = dict(hidden=24, ffn=40, layers=2, heads=4, kv_heads=2, head=8, vocabulary=50, theta=1e4)
    model = Model(shape, 'cpu', torch.float32)
    prompts = torch.randint(0, 50, (3, 5))
    generator = Generator(model, 3, 5, 6, False)
    generator.draw = lambda states: model.logits(states[:, -1]).argmax(-1, keepdim=True)
    written = generator.run(prompts)
    ids = prompts
    with torch.no_grad():
        for _ in range(6):
            states = model.forward(ids, torch.arange(ids.shape[1]))
            ids = torch.cat([ids, model.logits(states[:, -1:]).argmax(-1)], 1)
    assert torch.equal(written, ids[:, 5:]), (written, ids[:, 5:])

    ids, advantages = torch.randint(0, 50, (3, 8)), torch.randn(3, 1)
    update = Update(model, 3, 7, False, chunk=4)
    loss = update.run(ids, advantages).item()
    chunked = [p.grad.clone() for p in update.parameters]
    for p in update.parameters:
        p.grad = None
    logits = model.logits(model.forward(ids[:, :-1], torch.arange(7)))
    plain = -(advantages * torch.log_softmax(logits, -1).gather(-1, ids[:, 1:, None])[..., 0]).mean()
    plain.backward()
    torch.nn.utils.clip_grad_norm_(update.parameters, 1.0)
    assert abs(loss - plain.item()) < 1e-4, (loss, plain.item())
    worst = max((a - p.grad).abs().max().item() for a, p in zip(chunked, update.parameters))
    assert worst < 1e-4, worst
    assert any(g.abs().max() > 1e-3 for g in chunked)
    print(f'decoding and update agree with the plain form (gradients within {worst:.1e})')


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('--shape', choices=SHAPES, default='smollm2-135m')
    arguments.add_argument('--rows', type=int, default=32)
    arguments.add_argument('--prompt', type=int, default=64)
    arguments.add_argument('--tokens', type=int, default=64, help='written a row')
    arguments.add_argument('--length', type=int, default=256, help='trained on a row')
    arguments.add_argument('--runs', type=int, default=10)
    arguments.add_argument('--out', help='JSON')
    arguments.add_argument('--no-graphs', action='store_true', help='one kernel launch after the other')
    arguments.add_argument('--check', action='store_true', help='test the arithmetic on the CPU and end')
    given = arguments.parse_args()
    if given.check:
        return check()
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    graphs = device == 'cuda' and not given.no_graphs
    model = Model(SHAPES[given.shape], device, torch.bfloat16 if device == 'cuda' else torch.float32)
    vocabulary = model.c.vocabulary
    prompts = torch.randint(5, vocabulary, (given.rows, given.prompt), device=device)
    with torch.no_grad():
        generator = Generator(model, given.rows, given.prompt, given.tokens, graphs)
    generate = timed(lambda: generator.run(prompts), given.runs, device)
    del generator
    ids = torch.randint(5, vocabulary, (given.rows, given.length + 1), device=device)
    advantages = torch.randn(given.rows, 1, device=device)
    updater = Update(model, given.rows, given.length, graphs)
    update = timed(lambda: updater.run(ids, advantages), given.runs, device)
    report = dict(
        peer='plain PyTorch, ' + ('CUDA graphs' if graphs else 'no graphs'), torch=torch.__version__,
        device=torch.cuda.get_device_name() if device == 'cuda' else 'CPU', shape=given.shape, rows=given.rows,
        generate=dict(prompt=given.prompt, tokens=given.tokens, seconds=generate,
                      tokens_per_second=given.rows * given.tokens / generate['median']),
        update=dict(length=given.length, seconds=update,
                    tokens_per_second=given.rows * given.length / update['median']))
    print(f"{report['peer']} {report['torch']} on {report['device']}, {given.shape}")
    for part in ('generate', 'update'):
        s = report[part]['seconds']
        print(f"{part}: {s['median'] * 1e3:.1f} ms ± {s['mad'] * 1e3:.1f}, {report[part]['tokens_per_second']:,.0f} tokens/s")
    if given.out:
        with open(given.out, 'w') as file:
            json.dump(report, file, indent=1)


if __name__ == '__main__':
    main()
