"""The usual Python peer: Hugging Face transformers + peft on the same shapes (random weights), LoRA of rank 8 everywhere.

NOT RUN ON A GPU WHEN IT WAS ADDED HERE: there was none. It needs CUDA unless `--tiny`, which runs the same code at a tiny
shape on the CPU to see that it works at all.

    pip install torch transformers peft
    python bench/peers/hugging_face.py --shape smollm2-135m --out hugging-face.json
    npm run bench -- --shapes smollm2-135m --cases decode,update --out ours.json     # in the same session, same GPU
"""
import argparse
import json
import statistics
import time

import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

SHAPES = {
    'smollm2-135m': dict(hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9,
                         num_key_value_heads=3, vocab_size=49152),
    'smollm2-360m': dict(hidden_size=960, intermediate_size=2560, num_hidden_layers=32, num_attention_heads=15,
                         num_key_value_heads=5, vocab_size=49152),
    # Without Qwen3's norm on queries and keys, as in our bench.
    'qwen3-0.6b': dict(hidden_size=1024, intermediate_size=3072, num_hidden_layers=28, num_attention_heads=16,
                       num_key_value_heads=8, head_dim=128, vocab_size=151936),
}
TINY = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            vocab_size=100)
PROJECTIONS = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj']


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


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('--shape', choices=SHAPES, default='smollm2-135m')
    arguments.add_argument('--rows', type=int, default=32)
    arguments.add_argument('--prompt', type=int, default=64)
    arguments.add_argument('--tokens', type=int, default=64, help='written a row')
    arguments.add_argument('--length', type=int, default=256, help='trained on a row')
    arguments.add_argument('--runs', type=int, default=10)
    arguments.add_argument('--out', help='JSON')
    arguments.add_argument('--tiny', action='store_true', help='a tiny shape, to see that it runs')
    given = arguments.parse_args()
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    if device == 'cpu' and not given.tiny:
        raise SystemExit('There is no CUDA device; --tiny runs a tiny shape on the CPU.')
    shape = TINY if given.tiny else SHAPES[given.shape]
    config = LlamaConfig(**shape, tie_word_embeddings=True, attn_implementation='sdpa')
    base = LlamaForCausalLM(config).to(device, torch.bfloat16)
    model = get_peft_model(base, LoraConfig(r=8, lora_alpha=16, target_modules=PROJECTIONS))

    prompts = torch.randint(5, config.vocab_size, (given.rows, given.prompt), device=device)
    sampling = dict(attention_mask=torch.ones_like(prompts), do_sample=True, pad_token_id=0,
                    max_new_tokens=given.tokens, min_new_tokens=given.tokens)
    with torch.no_grad():
        generate = timed(lambda: model.generate(input_ids=prompts, **sampling), given.runs, device)

    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-6)
    ids = torch.randint(5, config.vocab_size, (given.rows, given.length), device=device)
    advantages = torch.randn(given.rows, 1, device=device)

    def step():
        logits = model(input_ids=ids).logits[:, :-1]
        token = torch.log_softmax(logits.float(), -1).gather(-1, ids[:, 1:, None])[..., 0]
        (-(advantages * token).mean()).backward()
        optimizer.step()
        optimizer.zero_grad()

    update = timed(step, given.runs, device)
    report = dict(
        peer='Hugging Face transformers + peft', torch=torch.__version__, transformers=transformers.__version__,
        peft=peft.__version__, device=torch.cuda.get_device_name() if device == 'cuda' else 'CPU',
        shape='tiny' if given.tiny else given.shape, rows=given.rows,
        generate=dict(prompt=given.prompt, tokens=given.tokens, seconds=generate,
                      tokens_per_second=given.rows * given.tokens / generate['median']),
        update=dict(length=given.length, seconds=update,
                    tokens_per_second=given.rows * given.length / update['median']))
    print(f"{report['peer']} on {report['device']}, {report['shape']}")
    for part in ('generate', 'update'):
        s = report[part]['seconds']
        print(f"{part}: {s['median'] * 1e3:.1f} ms ± {s['mad'] * 1e3:.1f}, {report[part]['tokens_per_second']:,.0f} tokens/s")
    if given.out:
        with open(given.out, 'w') as file:
            json.dump(report, file, indent=1)


if __name__ == '__main__':
    main()
