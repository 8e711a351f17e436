#!/usr/bin/env python3
"""Trains the demo model from nothing: writes the stories, the tokenizer and the weights.

    python3 tools/demo_model/train.py --out models/demo

Needs PyTorch 1.13 or newer with numpy and nothing else; no network. A few minutes on a GPU. On a CPU, hours:

    python3 tools/demo_model/train.py --out my-demo --steps 1500 --batch 16 --documents 20000
"""

import argparse
import math
import multiprocessing
import os
import random
import sys
import time

import numpy
import torch
import torch.nn.functional as F

import bpe
import checkpoint
import stories
from model import Llama, Shape

PROMPTS = ("Once upon a time", "One rainy morning, Mia", "Deep in the forest lived", "Leo was a curious boy who")
HELD_BACK = 40
TOKENIZER_STORIES = 20000
DOCUMENTS_EACH = 1000


def pack(documents, length, bos, eos):
    """Rows of length + 1 ids. Every row begins with a whole story, as every prompt will, and is filled up with
    further ones, so that positions beyond the end of one story are trained too."""
    rows, row = [], []
    for document in documents:
        row += [bos] + document + [eos]
        if len(row) > length:
            rows.append(row[: length + 1])
            row = []
    return numpy.array(rows, dtype=numpy.int16).reshape(-1, length + 1)


_worker = {}


def _start_worker(tokenizer, seed, held_back):
    _worker.update(tokenizer=tokenizer, seed=seed, held_back=set(held_back))


def _documents(task):
    first, count, length = task
    tokenizer = _worker["tokenizer"]
    texts = (stories.write_story(random.Random(f"{_worker['seed']}/{i}")) for i in range(first, first + count))
    encoded = [tokenizer.encode(text) for text in texts if text not in _worker["held_back"]]
    return pack(encoded, length, tokenizer.bos, tokenizer.eos)


def training_rows(tokenizer, seed, held_back, documents, length, processes):
    """All training text as ids [rows, length + 1]; the same for any number of processes."""
    tasks = [(first, min(DOCUMENTS_EACH, documents - first), length) for first in range(0, documents, DOCUMENTS_EACH)]
    with multiprocessing.Pool(processes, _start_worker, (tokenizer, seed, held_back)) as pool:
        return numpy.concatenate(pool.map(_documents, tasks, chunksize=1))


def loss_of(model, rows):
    logits = model(rows[:, :-1]).float()
    return F.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())


def learning_rate(step, steps, peak):
    warmup = min(200, steps // 10 + 1)
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup))))


def fit(model, rows, arguments, device):
    """Trains `model` in place on `rows`."""
    decayed = [weight for weight in model.parameters() if weight.dim() == 2]
    others = [weight for weight in model.parameters() if weight.dim() != 2]
    groups = [{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=arguments.lr, betas=(0.9, 0.98))
    data = torch.from_numpy(rows).to(device)
    generator = torch.Generator().manual_seed(arguments.seed)
    mixed = device == "cuda"
    order, started, total, seen = None, time.time(), 0.0, 0
    model.train()
    for step in range(arguments.steps):
        if order is None or len(order) < arguments.batch:
            order = torch.randperm(len(data), generator=generator)
        chosen, order = order[: arguments.batch], order[arguments.batch :]
        batch = data[chosen.to(device)].long()
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, arguments.steps, arguments.lr)
        with torch.autocast(device_type=device, dtype=torch.bfloat16, enabled=mixed):
            loss = loss_of(model, batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total, seen = total + loss.detach(), seen + 1
        if (step + 1) % arguments.log_every == 0 or step + 1 == arguments.steps:
            seconds = time.time() - started
            print(f"step {step + 1:5d}  loss {float(total) / seen:.4f}  {seconds:6.1f} s", flush=True)
            total, seen = 0.0, 0


@torch.no_grad()
def perplexity(model, tokenizer, documents, device):
    """exp of the mean negative log likelihood of every token but <s>; each document stands alone. Also the count."""
    total, count = 0.0, 0
    for document in documents:
        ids = ([tokenizer.bos] + tokenizer.encode(document) + [tokenizer.eos])[: model.shape.max_position_embeddings + 1]
        row = torch.tensor([ids], device=device)
        total += float(loss_of(model, row)) * (len(ids) - 1)
        count += len(ids) - 1
    return math.exp(total / count), count


@torch.no_grad()
def continue_greedily(model, tokenizer, prompt, device, limit):
    """`prompt` and what the model says next, up to </s> or `limit` new tokens; whether it ended by itself."""
    ids = [tokenizer.bos] + tokenizer.encode(prompt)
    for _ in range(min(limit, model.shape.max_position_embeddings - len(ids))):
        best = int(model(torch.tensor([ids], device=device))[0, -1].argmax())
        if best == tokenizer.eos:
            return tokenizer.decode(ids), True
        ids.append(best)
    return tokenizer.decode(ids), False


def round_to_bfloat16(model):
    """What is measured and printed is what is shipped."""
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(weight.to(torch.bfloat16).float())


README = """# The demo model

A Llama-architecture language model of {parameters:,} parameters that writes little stories in English.
`w8a16 demo` runs it before and after quantization.

Everything here was made by this project: the stories it learned from are written by a program
(`tools/demo_model/stories.py`), and so is the tokenizer (byte-level BPE, {vocab} tokens). No other text was used.
Licence: Apache-2.0, like the project.

| | |
|---|---|
| Shape | {layers} layers, hidden {hidden}, {heads} heads, {kv_heads} key/value heads, MLP {mlp}, context {context}, tied head |
| Weights | bfloat16 |
| Trained with | `{command}` |
| On | {device}, PyTorch {torch} |
| Training text | {documents:,} stories, {tokens:,} tokens in {rows:,} rows of {context}; {steps:,} steps of {batch} rows |
| Held-back stories | {held_back} (`held_back.json`): perplexity {perplexity:.4f} over {scored:,} tokens (bfloat16 weights, float32 arithmetic; `<s>` not scored, `</s>` scored) |

The same command gives the same stories and the same tokenizer on every machine; the weights depend on the
machine's arithmetic in their last digits. The model knows the world of its stories and nothing else.

Greedy continuation of "{prompt}":

{sample}
"""


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", default="models/demo", help="directory to write")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--documents", type=int, default=200000, help="stories to train on")
    parser.add_argument("--batch", type=int, default=128, help="rows in one step")
    parser.add_argument("--lr", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--vocab", type=int, default=2048)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--heads", type=int, default=8, help="even; half as many key/value heads")
    parser.add_argument("--context", type=int, default=512)
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="that write stories")
    parser.add_argument("--log-every", type=int, default=100)
    parser.add_argument("--sample-tokens", type=int, default=400, help="longest greedy continuation")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    device = arguments.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(arguments.seed)

    started = time.time()
    held_back = stories.write_stories(f"{arguments.seed}/held back", HELD_BACK)
    tokenizer = bpe.train(
        stories.write_stories(arguments.seed, min(TOKENIZER_STORIES, arguments.documents)), arguments.vocab
    )
    rows = training_rows(
        tokenizer, arguments.seed, held_back, arguments.documents, arguments.context, arguments.processes
    )
    print(f"{arguments.documents} stories, {len(rows)} rows of {arguments.context} tokens, "
          f"{len(tokenizer.tokens)} in the vocabulary, {time.time() - started:.1f} s", flush=True)
    if len(rows) < arguments.batch:
        sys.exit(f"error: {len(rows)} rows do not fill one batch of {arguments.batch}; use more --documents")

    # The MLP's width follows the hidden size as in Llama, 8/3 of it, rounded up to a multiple of 16.
    shape = Shape(
        vocab_size=len(tokenizer.tokens), hidden_size=arguments.hidden, num_hidden_layers=arguments.layers,
        num_attention_heads=arguments.heads, num_key_value_heads=arguments.heads // 2,
        intermediate_size=-(-arguments.hidden * 8 // 3 // 16) * 16, max_position_embeddings=arguments.context,
    )
    model = Llama(shape).to(device)
    parameters = sum(weight.numel() for weight in model.parameters())
    print(f"{parameters:,} parameters on {device}, PyTorch {torch.__version__}", flush=True)
    fit(model, rows, arguments, device)

    model.eval()
    round_to_bfloat16(model)
    checkpoint.write_directory(arguments.out, model, tokenizer, held_back)
    score, scored = perplexity(model, tokenizer, held_back, device)
    print(f"held-back perplexity {score:.4f} over {scored} tokens")
    samples = []
    for prompt in PROMPTS:
        text, ended = continue_greedily(model, tokenizer, prompt, device, arguments.sample_tokens)
        samples.append(text)
        print(f"\n--- {prompt!r} ({'ends by itself' if ended else 'cut off'})\n{text}", flush=True)

    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    with open(os.path.join(arguments.out, "README.md"), "w", encoding="utf-8") as file:
        file.write(README.format(
            parameters=parameters, vocab=shape.vocab_size, layers=shape.num_hidden_layers, hidden=shape.hidden_size,
            heads=shape.num_attention_heads, kv_heads=shape.num_key_value_heads, mlp=shape.intermediate_size,
            context=shape.max_position_embeddings, device=name, torch=torch.__version__,
            command=f"python3 tools/demo_model/train.py --out models/demo --seed {arguments.seed} "
                    f"--steps {arguments.steps} --documents {arguments.documents} --batch {arguments.batch} --lr {arguments.lr} "
                    f"--vocab {arguments.vocab} --hidden {arguments.hidden} --layers {arguments.layers} "
                    f"--heads {arguments.heads} --context {arguments.context}",
            documents=arguments.documents, tokens=rows.size - len(rows), rows=len(rows), steps=arguments.steps,
            batch=arguments.batch, held_back=len(held_back), perplexity=score, scored=scored,
            prompt=PROMPTS[1], sample="\n".join("> " + line if line else ">" for line in samples[1].split("\n")),
        ))
    print(f"\nwrote {arguments.out} in {time.time() - started:.0f} s")


if __name__ == "__main__":
    main()
