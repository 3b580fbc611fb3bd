"""Go on from nano to nano-lookup, the same model that can look up too: a corpus with more of it, the last third with 4-bit fake quantisation.
python refine.py STEPS LR SEED   (on the CPU, PyTorch from 1.13; writes nano-lookup.pt)"""
import math, os, random, sys, time

import torch
import torch.nn.functional as F
from data import first_lookups, lookup, lookups, prompt, sample_lookup
from export import read
from model import BOS, CFG, V, enc
from pretrain import QLM, T, fwd

BATCH, DENSE = 128, .2
# Steps that look up and nothing else: without them no head had learned to in 800 steps of the mixed corpus.
EASY = 300
HERE = os.path.dirname(os.path.abspath(__file__))


def batches(rng, easy):
    """Token ids and loss weights of a step, short rows and long ones apart; of rows of lookups only the values count."""
    rows = []
    while len(rows) < BATCH:
        dense = easy or rng.random() < DENSE
        p, y = first_lookups(rng) if easy else lookups(rng) if dense else sample_lookup(rng)
        ids = [BOS] + enc(p) + enc(y)
        if len(ids) <= T: rows.append((ids, 1 + len(p), dense))
    rows.sort(key=lambda row: len(row[0]))
    for part in (rows[:BATCH // 2], rows[BATCH // 2:]):
        longest = max(len(ids) for ids, _, _ in part)
        x, w = torch.zeros(len(part), longest, dtype=torch.long), torch.zeros(len(part), longest - 1)
        for i, (ids, start, dense) in enumerate(part):
            x[i, :len(ids)] = torch.tensor(ids)
            if dense: w[i, :len(ids) - 1] = torch.tensor([float(j >= start - 1 and c == ord('=')) for j, c in enumerate(ids[:-1])])
            else: w[i, :start - 1], w[i, start - 1:len(ids) - 1] = .02, 1
        yield x, w


@torch.no_grad()
def looked_up(m, hops, n=200):
    """Share of values that are right: the note of the last of `hops` steps, all notes before it given."""
    rng, rows = random.Random(9), []
    for _ in range(n):
        p = lookup(rng, hops)
        notes, root = [note for note, _ in p.facts[:-1]], p.facts[-1][0]
        rows.append(([BOS] + enc(prompt(hops, 0, hops, p.text, notes)) + enc(root[:-1]), ord(root[-1])))
    x = torch.zeros(n, max(len(ids) for ids, _ in rows), dtype=torch.long)
    for i, (ids, _) in enumerate(rows): x[i, :len(ids)] = torch.tensor(ids)
    logits = fwd(m, x)
    return sum(int(logits[i, len(ids) - 1].argmax() == value) for i, (ids, value) in enumerate(rows)) / n


def refine(steps, lr, seed):
    torch.manual_seed(seed)
    rng, m = random.Random(seed), QLM(CFG['nano'])
    m.load_state_dict(read('nano', f'{HERE}/../weights/nano/model.safetensors'))
    opt = torch.optim.AdamW([dict(params=[*m.w.values(), m.emb], weight_decay=.05), dict(params=[m.n1, m.n2, m.nf], weight_decay=0)], lr=lr, betas=(.9, .98))
    t0 = time.time()
    for it in range(steps):
        m.qat = it >= .65 * steps
        for g in opt.param_groups: g['lr'] = lr * min(1, (it + 1) / 100) * (.5 * (1 + math.cos(math.pi * it / steps)) * .98 + .02)
        parts = list(batches(rng, it < EASY))
        total = sum(w.sum() for _, w in parts)
        opt.zero_grad(set_to_none=True)
        mean = 0
        for x, w in parts:
            logits = fwd(m, x[:, :-1])
            loss = (F.cross_entropy(logits.reshape(-1, V), x[:, 1:].reshape(-1), reduction='none').view_as(w) * w).sum() / total
            loss.backward()
            mean += loss.item()
        torch.nn.utils.clip_grad_norm_(m.parameters(), 1.0)
        opt.step()
        if it % 100 == 99: print(it + 1, round(mean, 4), [looked_up(m, k) for k in (1, 2, 3)], f'{time.time() - t0:.0f}s', flush=True)
    return m


if __name__ == '__main__':
    m = refine(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
    torch.save({k: v.half() for k, v in m.state_dict().items()}, 'nano-lookup.pt')
