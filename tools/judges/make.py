#!/usr/bin/env python3
"""Makes tests/fixtures/judges: a tiny ONNX model of each kind that can judge, and the scores that numpy computes.

    pip install onnx tokenizers && python3 tools/judges/make.py

They have the files, names, inputs and outputs of the models on the hub, and almost none of their size: tokens are looked up
in a table of random numbers, and what a text is follows from the sum of its rows.
"""

import json
import shutil
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

OUT = Path(__file__).resolve().parents[2] / "tests/fixtures/judges"
SIZE = 12
GOOD, BAD = ["good", "great", "happy", "nice", "thanks"], ["bad", "awful", "sad", "rude", "no"]
WORDS = [*GOOD, *BAD, "the", "answer", "is", "a", "cat", "dog", "sat", "on", "mat", "this", "example", "polite", ".", "!", "?"]
CHARACTERS = [chr(code) for code in [*range(48, 58), *range(97, 123)]]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, *CHARACTERS, *("##" + c for c in CHARACTERS)]


def tokenizer():
    ids = {word: at for at, word in enumerate(dict.fromkeys(VOCABULARY))}
    made = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    special = [(name, ids[name]) for name in ("[CLS]", "[SEP]")]
    made.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=special)
    made.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    return made


def graph(name, nodes, tables, output, shape):
    inputs = [helper.make_tensor_value_info(i, TensorProto.INT64, ["batch", "tokens"]) for i in ("input_ids", "attention_mask", "token_type_ids")]
    one = numpy_helper.from_array(np.array([1], np.int64), "last_axis")
    axis = numpy_helper.from_array(np.array([2], np.int64), "hidden_axis")
    kept = [numpy_helper.from_array(table, key) for key, table in tables.items()]
    used = {i for node in nodes for i in node.input}
    made = helper.make_graph(
        nodes, name, inputs, [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
        [constant for constant in [one, axis, *kept] if constant.name in used],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def write(name, model, file, config, made):
    folder = OUT / name
    (folder / "onnx").mkdir(parents=True)
    save(model, folder / "onnx" / file)
    sizes = {"hidden_size": SIZE, "num_hidden_layers": 1, "num_attention_heads": 1, "vocab_size": made.get_vocab_size()}
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", **sizes, "max_position_embeddings": 64, **config}, indent=2) + "\n")
    (folder / "tokenizer.json").write_text(made.to_str() + "\n")
    settings = {"tokenizer_class": "BertTokenizer", "model_max_length": 64, "do_lower_case": True}
    settings.update({"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"})
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    made = tokenizer()
    draw = np.random.default_rng(7)
    table = draw.normal(size=(made.get_vocab_size(), SIZE)).astype(np.float32)
    ids = lambda *texts: made.encode(*texts).ids
    of = lambda name, *inputs, out, **more: helper.make_node(name, list(inputs), [out], **more)

    # Similarity: a table of embeddings; transformers.js takes their mean and its length.
    embed = graph("embed", [of("Gather", "table", "input_ids", out="last_hidden_state")], {"table": table}, "last_hidden_state", ["batch", "tokens", SIZE])
    write("similarity", embed, "model.onnx", {"architectures": ["BertModel"]}, made)
    mean = lambda text: table[ids(text)].mean(0)
    cosine = lambda a, b: float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    pairs = [("the cat sat on the mat", "the cat sat on the mat"), ("the cat", "a dog sat"), ("42", "The answer is 42."), ("good", "bad"), ("dog", "")]
    similarity = [{"answer": a, "text": b, "score": cosine(mean(a), mean(b))} for a, b in pairs]

    # Sentiment: what each word counts for and against, added up over the text.
    votes = (0.05 * draw.normal(size=(made.get_vocab_size(), 2))).astype(np.float32)
    for words, column in ((BAD, 0), (GOOD, 1)):
        for word in words:
            votes[made.token_to_id(word), column] += 1.5
    nodes = [
        of("Cast", "attention_mask", out="mask", to=TensorProto.FLOAT),
        of("Unsqueeze", "mask", "hidden_axis", out="mask3"),
        of("Gather", "votes", "input_ids", out="each"),
        of("Mul", "each", "mask3", out="kept"),
        of("ReduceSum", "kept", "last_axis", out="logits", keepdims=0),
    ]
    labels = {"id2label": {"0": "NEGATIVE", "1": "POSITIVE"}, "label2id": {"NEGATIVE": 0, "POSITIVE": 1}}
    count = graph("count", nodes, {"votes": votes}, "logits", ["batch", 2])
    write("sentiment", count, "model_quantized.onnx", {"architectures": ["BertForSequenceClassification"], **labels}, made)
    sentiment = [{"text": t, "score": float(softmax(votes[ids(t)].sum(0))[1])} for t in ("This is good!", "awful, sad, no", "the cat", "", "Thanks, great answer")]

    # Zero shot: a text entails a hypothesis as far as the sums of their embeddings point the same way.
    nodes = [
        of("Cast", "attention_mask", out="mask", to=TensorProto.FLOAT),
        of("Cast", "token_type_ids", out="second", to=TensorProto.FLOAT),
        of("Mul", "mask", "second", out="in_b"),
        of("Sub", "mask", "in_b", out="in_a"),
        of("Gather", "table", "input_ids", out="each"),
        *(node for s in "ab" for node in (
            of("Unsqueeze", f"in_{s}", "hidden_axis", out=f"mask_{s}"),
            of("Mul", "each", f"mask_{s}", out=f"kept_{s}"),
            of("ReduceMean", f"kept_{s}", out=f"mean_{s}", axes=[1], keepdims=0),
        )),
        of("Mul", "mean_a", "mean_b", out="product"),
        of("ReduceSum", "product", "last_axis", out="entails", keepdims=1),
        of("Mul", "entails", "signs", out="logits"),
    ]
    signs = np.array([[-8, 0, 8]], np.float32)
    labels = {"id2label": {"0": "contradiction", "1": "neutral", "2": "entailment"}, "label2id": {"contradiction": 0, "neutral": 1, "entailment": 2}}
    entail = graph("entail", nodes, {"table": table, "signs": signs}, "logits", ["batch", 3])
    write("zero-shot", entail, "model_quantized.onnx", {"architectures": ["BertForSequenceClassification"], **labels}, made)

    def entailment(text, label):
        encoded = made.encode(text, f"This example is {label}.")
        rows, second = table[encoded.ids], np.array(encoded.type_ids)[:, None]
        return 8 * float((rows * (1 - second)).mean(0) @ (rows * second).mean(0))

    names = ["polite", "rude"]
    zero_shot = []
    for text in ("Thanks, this is polite.", "no! rude", "the cat sat", ""):
        zero_shot.append({"text": text, "labels": names, "score": float(softmax(np.array([entailment(text, n) for n in names]))[0])})

    expected = {"similarity": similarity, "sentiment": sentiment, "zero-shot": zero_shot}
    (OUT / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    for kind, cases in expected.items():
        print(kind, *(f"{case['score']:.3f}" for case in cases))


main()
