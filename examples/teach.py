"""Fine-tuning in one flat file: read it from top to bottom.

A base model has learned to continue any text. Fine-tuning shows it a client's pieces, each behind its brief, and moves a few
weights so that, given such a brief, the client's way of going on becomes likelier. That is all there is; the rest of adtune
sees to it that nothing is lost on the way and measures whether it was worth it. adtune's own engine gives these very losses.

    python examples/teach.py [BASE_DIR]        without a folder, the starter base that ships with adtune
"""

import json
import math
import random
import sys

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

from adtune.starter import base_path, sample_pieces

EPOCHS = 4            # times that every piece is seen at most; more, and the model learns the pieces by heart
WINDOW, OVERLAP = 1024, 64  # longest row of tokens; a longer piece's next row sees the last 64 of the one before
BATCH, LEAST = 4096, 1024   # tokens of one step, padding included; halved while there would be fewer than 80 steps
RANK, ALPHA = 16, 32  # LoRA: the rank of an addition, and its scale ALPHA / RANK
BRIEF = {"title": "What a savings goal is for", "category": "saving", "content_type": "article"}


def head(piece):
    """The brief as text: what stands before the piece, now in training and later when a draft is asked for."""
    labels = " ".join(f"[{piece[name]}]" for name in ("category", "content_type") if piece.get(name))
    lines = [f"# {piece.get('title')}", labels, f"> {piece['summary']}" if piece.get("summary") else ""]
    return "\n".join(line for line in lines if line) + "\n\n" if piece.get("title") else ""   # no brief: the text alone is taught


def rows_of(tokenizer, piece, limit):
    """(ids, first): rows of token ids, of which those from `first` on are targets, the tokens that the model has to foretell.

    The brief is given, not foretold: nobody wants a model that writes briefs. The text ends in EOS, so that the model learns
    where to stop. A piece longer than a row becomes several, each token a target once: cutting it off would lose its endings.
    """
    def encode(text):  # whatever a client's text holds stays text: no characters may turn into control tokens
        return tokenizer(text, add_special_tokens=False, split_special_tokens=True, verbose=False)["input_ids"]

    bos = tokenizer.bos_token_id
    brief = [tokenizer.eos_token_id if bos is None else bos, *encode(head(piece))]
    targets = [*encode(piece["text"]), tokenizer.eos_token_id]
    rows, at = [], 0
    while at < len(targets):
        shown = targets[max(0, at - OVERLAP):at]
        part = targets[at:at + limit - len(brief) - len(shown)]
        rows.append(([*brief, *shown, *part], len(brief) + len(shown)))
        at += len(part)
    return rows


def batches(rows, budget, seed, epoch):
    """One epoch: every row once, in random order, but rows of like length together: padding is work that teaches nothing."""
    chance = random.Random(f"{seed}/{epoch}")
    order = list(range(len(rows)))
    chance.shuffle(order)
    steps = []
    for start in range(0, len(order), 128):
        group = []
        for i in sorted(order[start:start + 128], key=lambda i: len(rows[i][0])):
            if group and len(rows[i][0]) * (len(group) + 1) > budget:
                steps, group = [*steps, group], []
            group.append(i)
        steps.append(group)
    chance.shuffle(steps)   # else an epoch would go from short to long
    return steps


class Lora(torch.nn.Module):
    """LoRA (arXiv 2106.09685): the frozen layer W plus a narrow path B A, which is all that learns.

    A change of style needs few directions, so a rank of 16 will do: a few per cent of the weights, and the base stays as it is.
    """

    def __init__(self, inner):
        super().__init__()
        outputs, inputs = inner.weight.shape
        self.inner, self.a, self.b = inner, torch.empty(RANK, inputs), torch.zeros(outputs, RANK)
        torch.nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))
        self.a.requires_grad_(), self.b.requires_grad_()   # B is zero, so that the first step starts from the base itself

    def forward(self, x):
        return self.inner(x) + ALPHA / RANK * F.linear(F.linear(x, self.a), self.b)


def loss_of(model, rows):
    """Nats per target token: minus the logarithm of the probability that the model gave to the token that does follow."""
    width = max(len(ids) for ids, _ in rows)
    ids, wanted = torch.zeros(len(rows), width, dtype=torch.long), torch.zeros(len(rows), width, dtype=torch.bool)
    for n, (row, first) in enumerate(rows):   # padding stands on the right, where a causal model never looks
        ids[n, :len(row)] = torch.tensor(row)
        wanted[n, first:len(row)] = True
    # position t foretells token t + 1; the head, the widest layer of all, runs where there is a target only
    hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1][wanted[:, 1:]]
    return F.cross_entropy(model.get_output_embeddings()(hidden), ids[:, 1:][wanted[:, 1:]])


def teach(base_dir, pieces, steps, rate, seed):
    """Fine-tune the base on the pieces for `steps` steps, write a draft, and give the loss of every step."""
    tokenizer = AutoTokenizer.from_pretrained(base_dir)
    model = AutoModelForCausalLM.from_pretrained(base_dir, dtype=torch.float32).eval().requires_grad_(False)
    limit = min(WINDOW, model.config.max_position_embeddings)
    rows = [row for piece in pieces for row in rows_of(tokenizer, piece, limit)]

    torch.manual_seed(seed)   # the same seed gives the same run
    linears = {name: module for name, module in model.named_modules()
               if isinstance(module, torch.nn.Linear) and module is not model.get_output_embeddings()}
    learned = []
    for name in sorted(linears):
        lora = Lora(linears[name])
        model.set_submodule(name, lora)
        learned += [lora.a, lora.b]

    budget = BATCH   # few pieces: rather smaller steps than fewer of them
    while budget > LEAST and EPOCHS * len(batches(rows, budget, seed, 0)) < 80:
        budget //= 2
    plan = [group for epoch in range(EPOCHS) for group in batches(rows, budget, seed, epoch)][:steps]
    optimizer = torch.optim.AdamW(learned, lr=rate, weight_decay=0.0, fused=True)
    warm, losses = max(1, round(0.05 * len(plan))), []
    for step, group in enumerate(plan):
        # the rate climbs while the optimiser has no idea of the gradients' size yet, then falls along half a cosine to a tenth
        share = (step - warm) / max(1, len(plan) - warm)
        optimizer.param_groups[0]["lr"] = rate * ((step + 1) / warm if step < warm else 0.1 + 0.45 * (1 + math.cos(math.pi * share)))
        loss = loss_of(model, [rows[i] for i in group])
        loss.backward()                                    # which way each learned number would have to move
        torch.nn.utils.clip_grad_norm_(learned, 1.0)       # one odd batch may not throw the model off
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        print(f"step {step + 1:3d} of {len(plan)}   loss {losses[-1]:.4f} nats per token")

    ids, chance = rows_of(tokenizer, {**BRIEF, "text": ""}, limit)[0][0][:-1], torch.Generator().manual_seed(seed)
    brief = len(ids)
    with torch.no_grad():
        while len(ids) < min(brief + 160, limit) and ids[-1] != tokenizer.eos_token_id:
            likely = torch.softmax(model(torch.tensor([ids])).logits[0, -1] / 0.7, -1)   # below 1: rather the likely words
            ids.append(torch.multinomial(likely, 1, generator=chance).item())
    print(f"\n{head(BRIEF)}{tokenizer.decode(ids[brief:], skip_special_tokens=True)}")
    return losses


if __name__ == "__main__":
    sample = [json.loads(line) for line in sample_pieces().read_text(encoding="utf-8").splitlines()]
    teach(sys.argv[1] if len(sys.argv) > 1 else str(base_path("text")), sample[:120], steps=60, rate=1e-3, seed=0)
