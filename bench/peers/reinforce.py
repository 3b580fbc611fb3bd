"""The REINFORCE step of nano in plain PyTorch, eager: what a trainer in Python is before anyone tunes it.

The same step as `npm run bench -- --shapes nano --cases step`: problems of arithmetic level 3, layers 2-1, rollouts layer by
layer with a cache of keys and values, reward by exact match, leave-one-out advantages, exact KL to the base, gradients
clipped for each node, Adam. The nodes of a layer are one batch. Weights are those of nano (f32 here, 4-bit in the engine).

    python bench/peers/reinforce.py --out reinforce.json           on the GPU where there is one
    python bench/peers/reinforce.py --check                        that it learns: 30 steps of 8 x 8, some minutes on a CPU
"""
import argparse
import json
import random
import statistics
import struct
import sys
import time
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools/base-model/pretraining'))
from data import prompt, show, val  # noqa: E402
from model import BOS, CFG, EOS, LM, enc, forward, new_lora  # noqa: E402

RANK, ALPHA, RATE, KL, CLIP = 8, 16, 1e-3, 0.02, 1.0
NAMES = dict(q='self_attn.q_proj', k='self_attn.k_proj', v='self_attn.v_proj', o='self_attn.o_proj',
             g='mlp.gate_proj', u='mlp.up_proj', d='mlp.down_proj')


def read_f16(path):
    """The tensors of a safetensors file of f16, as f32."""
    data = path.read_bytes()
    start = 8 + struct.unpack('<Q', data[:8])[0]
    header = json.loads(data[8:start])
    header.pop('__metadata__', None)
    return {name: torch.frombuffer(bytearray(data[start + entry['data_offsets'][0]:start + entry['data_offsets'][1]]),
                                   dtype=torch.float16).view(entry['shape']).float() for name, entry in header.items()}


def load_nano(device):
    tensors = read_f16(ROOT / 'tools/base-model/weights/nano/model.safetensors')
    model = LM(CFG['nano'])
    layers = [f'model.layers.{l}.' for l in range(model.c.L)]
    state = dict(emb=tensors['model.embed_tokens.weight'], nf=tensors['model.norm.weight'],
                 n1=torch.stack([tensors[l + 'input_layernorm.weight'] for l in layers]),
                 n2=torch.stack([tensors[l + 'post_attention_layernorm.weight'] for l in layers]))
    for l, prefix in enumerate(layers):
        for short, name in NAMES.items():
            state[f'w.{l}{short}'] = tensors[f'{prefix}{name}.weight']
    model.load_state_dict(state)
    return model.requires_grad_(False).to(device)


class Layer:
    """The nodes of one layer: their adapters, stacked [nodes, ...], and one optimiser."""

    def __init__(self, model, nodes, device):
        self.nodes = nodes
        self.parameters = new_lora(model.c, nodes, RANK, ALPHA, device)
        for tensor in self.parameters.values():
            tensor.requires_grad_(True)
        self.optimizer = torch.optim.Adam(list(self.parameters.values()), lr=RATE, betas=(0.9, 0.99))

    @property
    def lora(self):
        return dict(self.parameters, scale=ALPHA / RANK)


def padded(rows, nodes, device):
    """Token lists -> ids [nodes, rows, longest], padded on the left, and how many tokens are padding [nodes, rows]."""
    longest = max(map(len, rows))
    ids = torch.tensor([[0] * (longest - len(row)) + row for row in rows], device=device)
    pad = torch.tensor([longest - len(row) for row in rows], device=device)
    return ids.view(nodes, -1, longest), pad.view(nodes, -1)


@torch.no_grad()
def generate(model, lora, ids, pad, tokens):
    """Messages [nodes, rows, tokens], 0 behind the end of a message."""
    nodes, rows, length = ids.shape
    size = nodes * rows, model.c.H, length + tokens, model.c.d // model.c.H
    cache = [tuple(torch.zeros(size, device=ids.device) for _ in 'kv') for _ in range(model.c.L)]
    logits = forward(model, ids, pad, lora, cache)[:, :, -1]
    done = torch.zeros(nodes, rows, dtype=torch.bool, device=ids.device)
    written = []
    for t in range(tokens):
        # Gumbel-max, as the engine draws.
        token = (logits - torch.empty_like(logits).exponential_().log()).argmax(-1).masked_fill(done, 0)
        written.append(token)
        done = done | (token == EOS)
        if t + 1 < tokens:
            logits = forward(model, token[..., None], pad, lora, cache, length + t)[:, :, -1]
    return torch.stack(written, -1)


def text(tokens):
    ends = [i for i, token in enumerate(tokens) if token in (EOS, 0)]
    return ''.join(map(chr, tokens[: ends[0] if ends else len(tokens)]))


def answer(message):
    return message.split(',')[-1].split('=')[-1].strip()


def problems(rng, count):
    """Arithmetic of level 3: (a . b) . (c . d)."""
    digit, operator = lambda: rng.randrange(10), lambda: rng.choice('+-*')
    trees = [(operator(), (operator(), digit(), digit()), (operator(), digit(), digit())) for _ in range(count)]
    return [show(tree) for tree in trees], [str(val(tree)) for tree in trees]


class Trainer:
    def __init__(self, layers, device):
        self.model = load_nano(device)
        self.layers = [Layer(self.model, nodes, device) for nodes in layers]
        self.device = device
        self.rng = random.Random(1)

    def step(self, count, samples, tokens):
        """One step of `count` problems; the mean reward."""
        texts, answers = problems(self.rng, count)
        texts, answers = ([x for x in xs for _ in range(samples)] for xs in (texts, answers))
        heard, records = [[] for _ in texts], []
        for l, layer in enumerate(self.layers):
            rows = [[BOS] + enc(prompt(l + 1, node, len(self.layers), problem, notes))
                    for node in range(layer.nodes) for problem, notes in zip(texts, heard)]
            ids, pad = padded(rows, layer.nodes, self.device)
            written = generate(self.model, layer.lora, ids, pad, tokens)
            records.append((layer, ids, pad, written))
            messages = [[text(row) for row in node] for node in written.tolist()]
            heard = [list(notes) for notes in zip(*messages)]
        rewards = torch.tensor([float(answer(notes[0]) == right) for notes, right in zip(heard, answers)],
                               device=self.device).view(count, samples)
        others = (rewards.sum(1, keepdim=True) - rewards) / (samples - 1)
        for record in records:
            self.update(*record, (rewards - others).flatten(), tokens)
        return rewards.mean().item()

    def update(self, layer, ids, pad, written, advantages, tokens):
        sequence = torch.cat([ids, written], -1)[:, :, :-1]
        first = ids.shape[-1] - 1
        logits = lambda lora: torch.log_softmax(forward(self.model, sequence, pad, lora)[:, :, first:], -1)
        policy = logits(layer.lora)
        with torch.no_grad():
            base = logits(None)
        token = policy.gather(-1, written[..., None])[..., 0]
        kl = (policy.exp() * (policy - base)).sum(-1)
        loss = ((-advantages[:, None] * token + KL * kl) * (written != 0)).sum() / (ids.shape[1] * tokens / 4)
        layer.optimizer.zero_grad()
        loss.backward()
        gradients = [p.grad for p in layer.parameters.values()]
        for node in range(layer.nodes):
            norm = torch.stack([g[node].norm() for g in gradients]).norm()
            for gradient in gradients:
                gradient[node] *= (CLIP / (norm + 1e-6)).clamp(max=1.0)
        layer.optimizer.step()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('--problems', type=int, default=32)
    arguments.add_argument('--samples', type=int, default=16)
    arguments.add_argument('--tokens', type=int, default=8)
    arguments.add_argument('--runs', type=int, default=10)
    arguments.add_argument('--device', choices=('cuda', 'cpu'), default='cuda' if torch.cuda.is_available() else 'cpu')
    arguments.add_argument('--out', help='JSON')
    arguments.add_argument('--check', action='store_true', help='that it learns')
    given = arguments.parse_args()
    torch.manual_seed(1)
    trainer = Trainer((2, 1), given.device)
    if given.check:
        rewards = [trainer.step(8, 8, 8) for _ in range(30)]
        first, last = (statistics.mean(part) for part in (rewards[:5], rewards[-5:]))
        print(f'mean reward {first:.2f} in the first five steps, {last:.2f} in the last five')
        assert last > first + 0.15, rewards
        return
    synchronize = torch.cuda.synchronize if given.device == 'cuda' else lambda: None
    seconds = []
    for run in range(given.runs + 2):
        synchronize()
        start = time.perf_counter()
        trainer.step(given.problems, given.samples, given.tokens)
        synchronize()
        if run >= 2:
            seconds.append(time.perf_counter() - start)
    middle = statistics.median(seconds)
    name = torch.cuda.get_device_name() if given.device == 'cuda' else 'CPU'
    report = dict(peer='plain PyTorch, eager', torch=torch.__version__, device=name, shape='nano', layers=[2, 1],
                  problems=given.problems, samples=given.samples, tokens=given.tokens,
                  step=dict(seconds=dict(median=middle, mad=statistics.median([abs(s - middle) for s in seconds]), runs=seconds)))
    print(f"{report['peer']} {torch.__version__} on {name}: a step of {given.problems} x {given.samples} takes {middle * 1e3:.1f} ms")
    if given.out:
        Path(given.out).write_text(json.dumps(report, indent=1))


if __name__ == '__main__':
    main()
