#!/usr/bin/env python3
"""Makes tests/fixtures/pytorch: small random models of every architecture, and what transformers and peft make of them.

    pip install torch transformers peft && python3 tools/parity/make.py

Each folder is as transformers saves a model, and its `adapter/` as peft saves one. `expected.safetensors` has, for the
weights kept in 4 bits, 8 bits, 16 bits and as they are (`q4/…`, `q8/…`, `f16/…`, `f32/…`; where 16 bits are what is
stored, they are the same, and only `f32/…` is there): logits, then of one step of
REINFORCE the log-probabilities, KL, entropies, LoRA gradients (`grad/…`) and the adapter after it (`after/…`). PyTorch
computes with the numbers that the packed weights stand for, in float64 but for the norms and angles of transformers,
which are float32. `case.json` has the rows and the settings; the formulas are those of ../reinforce.json:

    loss = 1 / (rows * loss_tokens) * sum over rows and message tokens of
           [ -advantage * log pi(token) + kl_beta * sum_v pi(v) * (log pi(v) - log pi_base(v)) ]

then the gradient's norm is clipped and Adam takes a step.
"""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from safetensors.numpy import save_file
from transformers import AutoConfig, AutoModelForCausalLM

OUT = Path(__file__).resolve().parents[2] / "tests/fixtures/pytorch"
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
RANK, ALPHA = 3, 8
KINDS = ["q4", "q8", "f16", "f32"]

# Heads are wider than hidden_size / heads, no size is a multiple of a quantisation group, the vocabulary is odd.
SHAPE = {
    "hidden_size": 40,
    "intermediate_size": 56,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "vocab_size": 67,
    "max_position_embeddings": 256,
    "rms_norm_eps": 1e-5,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
STRETCHED = {
    "rope_type": "llama3",
    "rope_theta": 500.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
PLAIN = {"rope_type": "default", "rope_theta": 10000.0}
# name: model type, what it differs in, the type it is stored in, the size of a shard
MODELS = {
    "llama": ("llama", {"tie_word_embeddings": True, "rope_parameters": PLAIN}, torch.float32, "1GB"),
    "llama3": ("llama", {"tie_word_embeddings": False, "rope_parameters": STRETCHED}, torch.bfloat16, "48KB"),
    "qwen2": ("qwen2", {"tie_word_embeddings": False, "rope_parameters": PLAIN}, torch.float16, "1GB"),
    "qwen3": ("qwen3", {"tie_word_embeddings": True, "rope_parameters": PLAIN}, torch.bfloat16, "1GB"),
}

# What a token of a prompt or message is does not matter; that rows share beginnings and differ in length does.
BEGINNING = [1, 9, 33, 64, 12, 7, 7, 40]
CASE = {
    "ids": [1, 5, 17, 66, 0, 23, 42, 8, 8, 8, 61, 30, 2, 11, 54, 19, 3, 37, 28, 45],
    "rank": RANK,
    "alpha": ALPHA,
    "loss_tokens": 2.0,
    "kl_beta": 0.05,
    "optimizer": {"lr": 1e-2, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "clip_norm": 0.5},
    "rows": [
        {"prompt": BEGINNING, "message": [50, 43, 2], "advantage": 0.75},
        {"prompt": BEGINNING, "message": [50, 11, 6, 31, 2], "advantage": -0.25},
        {"prompt": BEGINNING[:5] + [20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30], "message": [66], "advantage": -0.5},
        {"prompt": [1], "message": [3, 3, 58, 4], "advantage": 1.0},
    ],
}


def randomise(model):
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 2:
                parameter.normal_(std=1.2 / parameter.shape[1] ** 0.5)
            elif name.endswith(".bias"):
                parameter.normal_(std=0.5)
            else:
                parameter.uniform_(0.5, 1.5)


def through(weight, kind):
    """The numbers that a matrix [rows, columns] of float32 stands for once it is kept as `kind`."""
    if kind == "f32":
        return weight.astype(np.float64)
    if kind == "f16":
        return weight.astype(np.float16).astype(np.float64)
    zero = {"q4": 7, "q8": 127}[kind]
    rows, columns = weight.shape
    padded = np.zeros((rows, -(-columns // 32) * 32))
    padded[:, :columns] = weight
    groups = padded.reshape(rows, -1, 32)
    scale = (np.abs(groups).max(-1, keepdims=True) / zero).astype(np.float16).astype(np.float64)
    q = np.clip(np.rint(groups / np.where(scale == 0, 1, scale) + zero), 0, 2 * zero)
    return ((q - zero) * scale).reshape(rows, -1)[:, :columns]


def step(model, case):
    """One update of the adapter: everything that is to be compared, by name."""
    lora = {name: p for name, p in model.named_parameters() if p.requires_grad}
    short = {name: name.removeprefix("base_model.model.").replace(".default.", ".") for name in lora}
    out = {"logits": model(torch.tensor([case["ids"]])).logits[0].detach()}
    logprobs, kls, entropies, loss = [], [], [], 0
    for row in case["rows"]:
        sequence, many = torch.tensor([row["prompt"] + row["message"]]), len(row["message"])
        log_pi = model(sequence).logits[0, -many - 1 : -1].log_softmax(-1)
        with torch.no_grad(), model.disable_adapter():
            log_base = model(sequence).logits[0, -many - 1 : -1].log_softmax(-1)
        chosen = log_pi.gather(1, torch.tensor(row["message"])[:, None])[:, 0]
        kl = (log_pi.exp() * (log_pi - log_base)).sum(-1)
        loss = loss + (-row["advantage"] * chosen + case["kl_beta"] * kl).sum()
        logprobs.append(chosen), kls.append(kl), entropies.append(-(log_pi.exp() * log_pi).sum(-1))
    (loss / (len(case["rows"]) * case["loss_tokens"])).backward()
    out.update({name: torch.cat(parts).detach() for name, parts in [("logprob", logprobs), ("kl", kls), ("entropy", entropies)]})
    out.update({f"grad/{short[name]}": p.grad.clone() for name, p in lora.items()})
    o = case["optimizer"]
    norm = torch.nn.utils.clip_grad_norm_(lora.values(), o["clip_norm"])
    out["grad_norm"] = norm[None]
    torch.optim.Adam(lora.values(), lr=o["lr"], betas=(o["beta1"], o["beta2"]), eps=o["eps"]).step()
    out.update({f"after/{short[name]}": p.detach().clone() for name, p in lora.items()})
    return out


def make(name, number):
    kind_of, changes, stored, shard = MODELS[name]
    folder = OUT / name
    torch.manual_seed(number)
    config = AutoConfig.for_model(kind_of, **SHAPE, **changes)
    model = AutoModelForCausalLM.from_config(config)
    randomise(model)
    model.to(stored).save_pretrained(folder, max_shard_size=shard)
    # Read back, as angles would have been rounded with the weights.
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    numbers = {key: value.numpy().copy() for key, value in model.state_dict().items()}

    lora = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=TARGETS, task_type="CAUSAL_LM")
    peft = get_peft_model(model, lora)
    with torch.no_grad():
        for key, parameter in peft.named_parameters():
            if "lora_B" in key:
                parameter.normal_(std=0.2)
    start = {key: p.detach().clone() for key, p in peft.named_parameters() if p.requires_grad}
    peft.peft_config["default"].base_model_name_or_path = name
    peft.save_pretrained(folder / "adapter")
    (folder / "adapter/README.md").unlink(missing_ok=True)

    peft = peft.double()
    expected = {}
    for kind in KINDS:
        if kind == "f16" and stored != torch.float32:
            continue
        with torch.no_grad():
            for key, value in peft.get_base_model().state_dict().items():
                plain = key.replace(".base_layer.", ".")
                if plain in numbers:
                    matrix = numbers[plain].ndim == 2
                    value.copy_(torch.from_numpy(through(numbers[plain], kind) if matrix else numbers[plain]))
            for key, parameter in peft.named_parameters():
                if key in start:
                    parameter.copy_(start[key])
                    parameter.grad = None
        for key, value in step(peft, CASE).items():
            expected[f"{kind}/{key}"] = value.numpy().astype(np.float32)
    save_file(expected, folder / "expected.safetensors")
    spread = float(expected["q8/logits"].std())
    print(name, f"logits spread {spread:.2f}")


def main():
    os.environ["HF_HUB_OFFLINE"] = "1"
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    for number, name in enumerate(MODELS, 1):
        make(name, number)
    (OUT / "case.json").write_text(json.dumps(CASE) + "\n")


main()
