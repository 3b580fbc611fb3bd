"""NAME.pt of pretrain.py or refine.py -> ../weights/NAME/{config.json,model.safetensors}: Hugging Face names, f16.  python export.py NAME"""
import json, os, struct, sys

import torch
from model import CFG

NAMES = dict(q='self_attn.q_proj', k='self_attn.k_proj', v='self_attn.v_proj', o='self_attn.o_proj', g='mlp.gate_proj', u='mlp.up_proj', d='mlp.down_proj')


def tensors(state, cfg):
    yield 'model.embed_tokens.weight', state['emb']
    yield 'model.norm.weight', state['nf']
    for l in range(cfg.L):
        yield f'model.layers.{l}.input_layernorm.weight', state['n1'][l]
        yield f'model.layers.{l}.post_attention_layernorm.weight', state['n2'][l]
        for k, name in NAMES.items(): yield f'model.layers.{l}.{name}.weight', state[f'w.{l}{k}']


def read(name, path):
    """The state of model.py's LM, f32, from a file that `write` wrote."""
    with open(path, 'rb') as f: raw = f.read()
    size, = struct.unpack('<Q', raw[:8])
    header, data = json.loads(raw[8:8 + size]), raw[8 + size:]
    at = lambda key: torch.frombuffer(bytearray(data[slice(*header[key]['data_offsets'])]), dtype=torch.float16).view(header[key]['shape']).float()
    layers = [f'model.layers.{l}.' for l in range(CFG[name].L)]
    state = dict(emb=at('model.embed_tokens.weight'), nf=at('model.norm.weight'))
    state['n1'] = torch.stack([at(f'{layer}input_layernorm.weight') for layer in layers])
    state['n2'] = torch.stack([at(f'{layer}post_attention_layernorm.weight') for layer in layers])
    for l, layer in enumerate(layers):
        for k, part in NAMES.items(): state[f'w.{l}{k}'] = at(f'{layer}{part}.weight')
    return state


def config(cfg):
    return dict(
        architectures=['LlamaForCausalLM'], model_type='llama', hidden_size=cfg.d, intermediate_size=cfg.f,
        num_hidden_layers=cfg.L, num_attention_heads=cfg.H, num_key_value_heads=cfg.H, head_dim=cfg.d // cfg.H,
        vocab_size=128, rms_norm_eps=1e-5, rope_theta=1e4, tie_word_embeddings=True, hidden_act='silu',
        max_position_embeddings=256, bos_token_id=1, eos_token_id=10, pad_token_id=0, torch_dtype='float16')


def write(name, state, folder):
    header, data = {'__metadata__': {'format': 'pt'}}, b''
    for key, t in tensors(state, CFG[name]):
        raw = t.half().contiguous().cpu().numpy().tobytes()
        header[key] = dict(dtype='F16', shape=list(t.shape), data_offsets=[len(data), len(data) + len(raw)])
        data += raw
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    os.makedirs(folder, exist_ok=True)
    with open(f'{folder}/model.safetensors', 'wb') as f: f.write(struct.pack('<Q', len(text)) + text + data)
    with open(f'{folder}/config.json', 'w') as f: json.dump(config(CFG[name]), f, indent=1)


if __name__ == '__main__':
    name = sys.argv[1]
    write(name, torch.load(f'{name}.pt', map_location='cpu'), os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'weights', name))
