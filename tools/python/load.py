#!/usr/bin/env python3
"""Loads an adapter of a node and prints or compares its logits.

    npm run export -- --model nano --out exported           # the base, with the numbers that are computed with here
    npm run score -- --run runs/mine --node 1.0 --ids 1,64,49 --out ours.f32
    python3 load.py runs/mine/adapters/1.0 --base exported --ids 1,64,49 --compare ours.f32

ADAPTER is a folder as PEFT writes it: of a run (`adapters/NODE`), or of a bundle that was unpacked. With transformers and
peft installed those load it; with --plain, or without them, the few lines of `plain_logits` do, on PyTorch alone.
--compare fails where a logit is more than 1e-3 away. --make writes a new adapter instead, as Python would train one.
"""

import argparse
import json
import os
import struct
import sys

import numpy as np
import torch


def read_safetensors(path):
    """All tensors of a file, as f32."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        raw = data[begin:end]
        if entry["dtype"] == "BF16":
            values = (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            values = np.frombuffer(raw, {"F32": "<f4", "F16": "<f2"}[entry["dtype"]]).astype(np.float32)
        tensors[name] = torch.from_numpy(values.reshape(entry["shape"]).copy())
    return tensors


def write_safetensors(path, tensors):
    header, parts, at = {"__metadata__": {"format": "pt"}}, [], 0
    for name, tensor in tensors.items():
        raw = tensor.detach().numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [at, at + len(raw)]}
        parts.append(raw)
        at += len(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(parts))


def read_json(folder, name):
    with open(os.path.join(folder, name)) as file:
        return json.load(file)


def library_logits(base, adapter, ids):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base, torch_dtype=torch.float32)
    if adapter:
        model = PeftModel.from_pretrained(model, adapter)
    with torch.no_grad():
        return model.eval()(torch.tensor([ids])).logits[0]


def plain_logits(base, adapter, ids):
    """The same without transformers and peft: Llama, Qwen2 and Qwen3, W + alpha / r * B A."""
    c = read_json(base, "config.json")
    w = read_safetensors(os.path.join(base, "model.safetensors"))
    if adapter:
        lora = read_json(adapter, "adapter_config.json")
        deltas = read_safetensors(os.path.join(adapter, "adapter_model.safetensors"))
        for name, a in deltas.items():
            if ".lora_A." in name:
                b = deltas[name.replace(".lora_A.", ".lora_B.")]
                target = name[len("base_model.model.") :].replace(".lora_A.", ".")
                w[target] = w[target] + lora["lora_alpha"] / lora["r"] * (b @ a)
    heads, kv, size = c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"]
    count = len(ids)

    def norm(x, weight):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + c["rms_norm_eps"]) * weight

    frequencies = c["rope_theta"] ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    scaling = c.get("rope_scaling")
    if scaling:
        waves = scaling["original_max_position_embeddings"] * frequencies / (2 * torch.pi)
        low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
        smooth = ((waves - low) / (high - low)).clamp(0, 1)
        frequencies = frequencies * ((1 - smooth) / scaling["factor"] + smooth)
    angles = torch.outer(torch.arange(count, dtype=torch.float64), frequencies)
    cos, sin = (f(angles).float().repeat(1, 2)[:, None] for f in (torch.cos, torch.sin))

    def rotate(x):
        half = size // 2
        return x * cos + torch.cat([-x[..., half:], x[..., :half]], -1) * sin

    mask = torch.full((count, count), float("-inf")).triu(1)
    x = w["model.embed_tokens.weight"][torch.tensor(ids)]
    for i in range(c["num_hidden_layers"]):
        block = f"model.layers.{i}."

        def project(name, y, many):
            y = y @ w[f"{block}self_attn.{name}_proj.weight"].T + w.get(f"{block}self_attn.{name}_proj.bias", 0)
            y = y.view(count, many, size)
            weight = w.get(f"{block}self_attn.{name}_norm.weight")
            return y if weight is None else norm(y, weight)

        y = norm(x, w[block + "input_layernorm.weight"])
        q, k, v = rotate(project("q", y, heads)), rotate(project("k", y, kv)), project("v", y, kv)
        k, v = (t.repeat_interleave(heads // kv, 1).transpose(0, 1) for t in (k, v))
        scores = q.transpose(0, 1) @ k.transpose(1, 2) / size**0.5 + mask
        y = (scores.softmax(-1) @ v).transpose(0, 1).reshape(count, heads * size)
        x = x + y @ w[block + "self_attn.o_proj.weight"].T
        y = norm(x, w[block + "post_attention_layernorm.weight"])
        inner = torch.nn.functional.silu(y @ w[block + "mlp.gate_proj.weight"].T) * (y @ w[block + "mlp.up_proj.weight"].T)
        x = x + inner @ w[block + "mlp.down_proj.weight"].T
    x = norm(x, w["model.norm.weight"])
    return x @ w["model.embed_tokens.weight" if c.get("tie_word_embeddings") else "lm_head.weight"].T


def make_adapter(base, folder, rank, alpha):
    """A random adapter on all projections, as PEFT names and stores it."""
    torch.manual_seed(1)
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    tensors = {}
    for name, weight in read_safetensors(os.path.join(base, "model.safetensors")).items():
        if name.split(".")[-2] in targets and name.endswith(".weight"):
            out, inner = weight.shape
            stem = "base_model.model." + name[: -len("weight")]
            tensors[stem + "lora_A.weight"] = torch.randn(rank, inner) / inner**0.5
            tensors[stem + "lora_B.weight"] = 0.02 * torch.randn(out, rank)
    os.makedirs(folder, exist_ok=True)
    write_safetensors(os.path.join(folder, "adapter_model.safetensors"), tensors)
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": base, "r": rank}
    config.update({"lora_alpha": alpha, "target_modules": targets, "bias": "none", "lora_dropout": 0.0})
    with open(os.path.join(folder, "adapter_config.json"), "w") as file:
        json.dump(config, file, indent=2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("adapter", nargs="?", help="folder with adapter_config.json; without it, the base alone")
    parser.add_argument("--base", help="folder or name of the base (default: what the adapter says)")
    parser.add_argument("--ids", help="token ids, separated by commas")
    parser.add_argument("--out", help="file for the logits, f32 [positions, vocabulary]")
    parser.add_argument("--compare", help="such a file, as npm run score writes it")
    parser.add_argument("--plain", action="store_true", help="without transformers and peft")
    parser.add_argument("--make", action="store_true", help="write a random adapter to ADAPTER")
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--alpha", type=float, default=16)
    options = parser.parse_args()
    if options.make:
        make_adapter(options.base, options.adapter, options.rank, options.alpha)
        return
    base = options.base or read_json(options.adapter, "adapter_config.json")["base_model_name_or_path"]
    ids = [int(i) for i in options.ids.split(",")]
    plain = options.plain
    if not plain:
        try:
            import peft  # noqa: F401
            import transformers  # noqa: F401
        except ImportError as error:
            print(f"{error}: loading with PyTorch alone", file=sys.stderr)
            plain = True
    logits = (plain_logits if plain else library_logits)(base, options.adapter, ids).float().numpy()
    if options.out:
        logits.astype("<f4").tofile(options.out)
    if options.compare:
        ours = np.fromfile(options.compare, "<f4").reshape(logits.shape)
        worst = float(np.abs(ours - logits).max())
        print(f"{logits.shape[0]} x {logits.shape[1]} logits: at most {worst:.2e} apart")
        sys.exit(0 if worst <= 1e-3 else 1)
    print("next tokens:", logits.argmax(-1).tolist())


main()
