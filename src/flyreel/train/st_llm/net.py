"""The network of st-llm: a Q-Former between what a frozen encoder saw and a GPT-2 that reads it before the question.

GPT-2 looks back only, so the tokens of the frames come out the same whatever is asked after them: they are taken
through it once for a clip, and every text about the clip goes on from there. That is also why dropping tokens is cheap:
a masked clip is a shorter one, and no attention mask says what is missing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import Blip2QFormerConfig, Blip2QFormerModel, DynamicCache, GPT2Config, GPT2LMHeadModel

ATTENTION = "eager"
"""At these sizes faster on a CPU than the fused one, whose backward pass is slow."""


class Film(NamedTuple):
    """A batch of clips as the language model has read them."""

    hidden: Tensor
    """Of its last layer, (clips, tokens, width)."""
    past: list[tuple[Tensor, Tensor]]
    """Of each layer the keys and values, for the words that come after."""


class Told(NamedTuple):
    """What a step is learnt from: of each group of texts the logits of the next word; of the frames what came out where
    some tokens were dropped, as it is compared, and where none was."""

    logits: dict[str, Tensor]
    student: Tensor | None
    teacher: Tensor | None


class StLlm(nn.Module):
    def __init__(self, qformer: Blip2QFormerModel, llm: GPT2LMHeadModel, width: int, queries: int, frames: int) -> None:
        """`width` of the features; where the Q-Former wants another, as a pretrained one may, a bridge leads there."""
        super().__init__()
        asked, read = qformer.config.encoder_hidden_size, llm.config.n_embd
        self.qformer, self.llm = qformer, llm
        self.bridge = nn.Identity() if width == asked else nn.Linear(width, asked)
        self.queries = nn.Parameter(0.02 * torch.randn(queries, qformer.config.hidden_size))
        self.project = nn.Linear(qformer.config.hidden_size, read)
        self.times = nn.Embedding(frames, read)
        nn.init.normal_(self.times.weight, std=0.02)
        self.match = nn.Sequential(nn.Linear(read, read), nn.LayerNorm(read))
        """Stands on the masked side alone, where the two are compared by their cosine."""

    @property
    def start(self) -> int:
        """Where words begin: after the tokens of all frames, also where some of them were dropped."""
        return len(self.times.weight) * len(self.queries)

    @property
    def room(self) -> int:
        """Words that fit there."""
        return int(self.llm.config.n_positions) - self.start

    @property
    def device(self) -> torch.device:
        return self.queries.device

    def forward(
        self, features: Tensor, texts: Mapping[str, Mapping[str, Tensor]], kept: Tensor | None, matched: bool,
        cosine: bool,
    ) -> Told:  # fmt: skip
        """`kept` as in `watch`; with `matched` also what the masked frames are to be like."""
        tokens = self.tokens(features)
        film = self.watch(tokens, kept)
        logits = {name: self.read(film, group["which"], group["ids"]) for name, group in texts.items()}
        if not matched:
            return Told(logits, None, None)
        return Told(logits, self.match(film.hidden) if cosine else film.hidden, self.reference(tokens))

    def tokens(self, features: Tensor) -> Tensor:
        """(clips, frames, tokens, width) to (clips, frames × queries, width of the language model)."""
        clips, frames = features.shape[:2]
        assert frames <= len(self.times.weight), f"{frames} frames, room for {len(self.times.weight)}"
        queries = self.queries.expand(clips * frames, -1, -1)
        found = self.qformer(query_embeds=queries, encoder_hidden_states=self.bridge(features.flatten(0, 1)))
        read = self.project(found.last_hidden_state).unflatten(0, (clips, frames))
        return (read + self.times.weight[:frames, None]).flatten(1, 2)

    def watch(self, tokens: Tensor, kept: Tensor | None = None) -> Film:
        """`kept` (clips, tokens) is True where a token stays, as many of each clip. What stays keeps the position it
        had: it is then compared with what came out of the same place, and the words after it begin where they always
        do, as when answering."""
        places = torch.arange(tokens.shape[1], device=tokens.device).expand(tokens.shape[:2])
        if kept is not None:
            tokens, places = (x[kept].unflatten(0, (len(kept), -1)) for x in (tokens, places))
        cache = DynamicCache(config=self.llm.config)
        out = self.llm.transformer(inputs_embeds=tokens, position_ids=places, past_key_values=cache, use_cache=True)
        return Film(out.last_hidden_state, [(layer.keys, layer.values) for layer in cache.layers])

    @torch.no_grad()
    def reference(self, tokens: Tensor) -> Tensor:
        """What comes out where nothing is dropped, and no dropout either."""
        was = self.llm.training
        self.llm.eval()
        hidden = self.watch(tokens).hidden
        self.llm.train(was)
        return hidden

    def read(self, film: Film | None, which: Tensor, ids: Tensor) -> Tensor:
        """Logits of the next word after each of `ids` (texts, words); each text is about the clip of that number, or
        about none where there is no film."""
        cache = DynamicCache([(k[which], v[which]) for k, v in film.past]) if film else DynamicCache()
        places = torch.arange(self.start, self.start + ids.shape[1], device=ids.device).expand(ids.shape)
        logits: Tensor = self.llm(input_ids=ids, position_ids=places, past_key_values=cache, use_cache=True).logits
        return logits


def dropped(clips: int, tokens: int, generator: torch.Generator, lowest: float, highest: float) -> Tensor:
    """Which tokens stay: (clips, tokens), another choice for each clip, and as many in each, at least one.

    One share ρ of dropped tokens for the batch, from N(0.5, 0.1) cut to what is allowed."""
    share = float((0.5 + 0.1 * torch.randn((), generator=generator)).clamp(lowest, highest))
    stay = max(1, round(tokens * (1 - share)))
    order = torch.rand(clips, tokens, generator=generator).argsort(1)
    return order.argsort(1) < stay


def small_qformer(width: int, dim: int, layers: int, heads: int) -> Blip2QFormerModel:
    """From nothing; every layer looks at the frame."""
    config = Blip2QFormerConfig(
        hidden_size=dim, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=2 * dim,
        encoder_hidden_size=width, cross_attention_frequency=1, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    return Blip2QFormerModel._from_config(config, attn_implementation=ATTENTION)


def small_llm(words: int, positions: int, dim: int, layers: int, heads: int, end: int) -> GPT2LMHeadModel:
    """From nothing. The activation is the function that GPT-2 has, in one operation and not in eight."""
    config = GPT2Config(
        vocab_size=words, n_positions=positions, n_embd=dim, n_layer=layers, n_head=heads, resid_pdrop=0.0,
        embd_pdrop=0.0, attn_pdrop=0.0, activation_function="gelu_pytorch_tanh", bos_token_id=end, eos_token_id=end,
    )  # fmt: skip
    return GPT2LMHeadModel._from_config(config, attn_implementation=ATTENTION)


@torch.no_grad()
def like_to_like(llm: GPT2LMHeadModel) -> None:
    """A start for a GPT-2 from nothing: like looks at like, and takes over what it finds.

    Binding a name in a question to what is known of who bears it is what a random start takes longest to find."""
    dim = llm.config.n_embd
    nn.init.normal_(llm.transformer.wte.weight, std=0.3)
    nn.init.normal_(llm.transformer.wpe.weight, std=0.1)
    for block in llm.transformer.h:
        nn.init.normal_(block.attn.c_attn.weight, std=1 / math.sqrt(3 * dim))
        nn.init.normal_(block.mlp.c_fc.weight, std=1 / math.sqrt(3 * dim))
        nn.init.normal_(block.mlp.c_proj.weight, std=1 / math.sqrt(12 * dim))
        q, k, v = block.attn.c_attn.weight.split(dim, 1)
        k.copy_(q.mul_(2))
        block.attn.c_proj.weight.copy_(v.T)
    llm.transformer.ln_f.weight.fill_(0.3)  # words are far apart, and a first guess is not to be sure


@torch.no_grad()
def copying(net: StLlm, values: Tensor, slots: slice) -> None:
    """A start for a Q-Former on features that say in `slots` which token of the frame each is: a query copies the token
    of its number, as `values` (features, width of the language model) say it in words."""
    dim, count = net.project.in_features, slots.stop - slots.start
    assert dim == net.project.out_features, f"{dim} to {net.project.out_features}: a copy keeps its width"
    nn.init.orthogonal_(net.queries).mul_(math.sqrt(dim))
    heads = net.qformer.config.num_attention_heads
    each = dim // heads
    codes = nn.functional.normalize(nn.init.orthogonal_(torch.empty(max(count, len(net.queries)), each)), dim=1)
    codes *= math.sqrt(SURE * math.sqrt(each))
    for layer in net.qformer.encoder.layer:
        cross = layer.crossattention
        ask, key, value, out = (*(getattr(cross.attention, n) for n in ("query", "key", "value")), cross.output.dense)
        ask.weight.copy_((net.queries.T / dim @ codes[: len(net.queries)]).T.repeat(heads, 1))
        key.weight.zero_()[:, slots] = codes[:count].T.repeat(heads, 1)
        value.weight.copy_(LOUD * values.T)
        out.weight.copy_(torch.eye(dim))
        for part in (ask, key, value, out):
            part.bias.zero_()
    net.project.weight.copy_(0.7 * torch.eye(dim))
    net.project.bias.zero_()
    nn.init.normal_(net.times.weight, std=0.2)


SURE, LOUD = 6.0, 4.0
"""What a query scores the token of its number with, where all others score 0; and how much louder what it finds is than
what it was."""
