"""python benchmarks/video_chat_step.py

A training step of the recipe video-chat against one of transformers' Trainer, in one run: the same random Video-LLaVA,
the same adapters, optimiser and batch of eight frames.

Both are timed at the same place, from one entry into the model's forward pass to the next, so a step is all that lies
between: backward pass, clipping, optimiser, and the loop's own work. They take turns, round for round, and the median
step counts. Bar: as many tokens a second as the Trainer. `--size 7b` has the published model's sizes and wants a GPU,
of whose peak the share is told too.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from accelerate.state import AcceleratorState
from common import bars, head, table

from flyreel.models._opening import Opened
from flyreel.models.hub import quiet
from flyreel.train import losses
from flyreel.train.loop import Plan, fit
from flyreel.train.runs import open_run
from flyreel.train.video_chat import model as chat

BAR = 1.0
FRAMES, ANSWER = 8, 6
SKIPPED = 2
"""Steps of each round that are not counted: the first allocate."""

PEAKS = {
    "NVIDIA H200": 989, "NVIDIA H100 80GB HBM3": 989, "NVIDIA H100 NVL": 835, "NVIDIA H100 PCIe": 756,
    "NVIDIA A100-SXM4-80GB": 312, "NVIDIA A100-SXM4-40GB": 312, "NVIDIA A100 80GB PCIe": 312,
    "NVIDIA A100-PCIE-40GB": 312, "NVIDIA L40S": 362, "NVIDIA L40": 181, "NVIDIA L4": 121, "NVIDIA A10": 125,
    "NVIDIA GeForce RTX 4090": 165,
}  # fmt: skip
"""TFLOP/s of dense bfloat16 products, as the makers state them. By the whole name, as cards of one family differ by
half: of a card that is not here no share is told."""

TINY: dict[str, Any] = {
    "text": {"hidden_size": 256, "intermediate_size": 688, "num_hidden_layers": 4, "num_attention_heads": 4,
             "num_key_value_heads": 4, "vocab_size": 8000, "max_position_embeddings": 4096},
    "seen": {"hidden_size": 128, "intermediate_size": 512, "num_hidden_layers": 4, "num_attention_heads": 4,
             "image_size": 112, "patch_size": 14, "projection_dim": 128},
}  # fmt: skip
PUBLISHED: dict[str, Any] = {
    "text": {"hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
             "num_key_value_heads": 32, "vocab_size": 32064, "max_position_embeddings": 4096},
    "seen": {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
             "image_size": 224, "patch_size": 14, "projection_dim": 768},
}  # fmt: skip


class Stamps:
    """The times at which a model's forward pass was entered, in training. Both sides must enter it alike: one that
    computed in another precision would have done other work."""

    def __init__(self, model: torch.nn.Module, device: str, bf16: bool) -> None:
        self.at: list[float] = []
        self._device, self._bf16 = device, bf16
        model.register_forward_pre_hook(self._entered)

    def _entered(self, model: torch.nn.Module, _: Any) -> None:
        if model.training:
            assert torch.is_autocast_enabled(self._device) == self._bf16, f"autocast is not {self._bf16}"
            assert not self._bf16 or torch.get_autocast_dtype(self._device) == torch.bfloat16
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            self.at.append(perf_counter())

    def steps(self) -> list[float]:
        """Of the round that has ended."""
        found = [after - before for before, after in zip(self.at, self.at[1:], strict=False)][SKIPPED:]
        self.at.clear()
        return found


def model_of(size: dict[str, Any], device: str) -> Any:
    """The same weights and the same adapters each time."""
    from transformers import VideoLlavaConfig, VideoLlavaForConditionalGeneration

    config = VideoLlavaConfig(
        vision_config={"model_type": "clip_vision_model", **size["seen"]},
        text_config={"model_type": "llama", **size["text"], "pad_token_id": 0},
        image_token_index=size["text"]["vocab_size"] - 2, video_token_index=size["text"]["vocab_size"] - 1,
    )  # fmt: skip
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16 if device == "cuda" else torch.float32)
    try:
        with torch.device(device):
            model = VideoLlavaForConditionalGeneration(config)
    finally:
        torch.set_default_dtype(before)
    model.requires_grad_(False)
    found = Opened(model, None, device, frozenset(), 4096, "")  # type: ignore[arg-type]
    return found, chat.adapted(found, "random", rank=8, alpha=8, dropout=0.1, target=chat.RULE)


def batch_of(size: dict[str, Any], batch: int, text: int) -> dict[str, Any]:
    random = torch.Generator().manual_seed(1)
    side, patch = size["seen"]["image_size"], size["seen"]["patch_size"]
    pictured = FRAMES * ((side // patch) ** 2 + 1)
    ids = torch.randint(3, size["text"]["vocab_size"] - 2, (batch, pictured + text), generator=random)
    ids[:, 20 : 20 + pictured] = size["text"]["vocab_size"] - 1
    labels = torch.full_like(ids, losses.IGNORED)
    labels[:, -ANSWER:] = ids[:, -ANSWER:]
    pixels = torch.randn((batch, FRAMES, 3, side, side), generator=random)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "pixel_values_videos": pixels, "labels": labels}


def recipe(found: Opened, model: Any, batch: dict[str, Any], bf16: bool, folder: Path) -> Callable[[int], None]:
    criterion = losses.criterion("mle")

    def loss_of(model: torch.nn.Module, batch: dict[str, Any]) -> tuple[torch.Tensor, dict[str, float]]:
        logits, labels = chat.predicted(found.model, model, batch)
        return criterion(logits, labels, None, None).value, {}

    def steps(count: int) -> None:
        optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
        run = open_run(Path(tempfile.mkdtemp(dir=folder)), "video-chat", {}, {}, lambda line: None)
        plan = Plan(steps=count, rate=1e-3, bf16=bf16, keep_every=0)
        fit(run, model, optimiser, plan, lambda number: batch, loss_of)

    return steps


def trainer(model: Any, batch: dict[str, Any], bf16: bool, folder: Path) -> Callable[[int], None]:
    from transformers import Trainer, TrainingArguments

    count = len(batch["input_ids"])
    rows = [{name: value[i] for name, value in batch.items()} for i in range(count)]

    def steps(number: int) -> None:
        arguments = TrainingArguments(
            output_dir=str(folder / "trainer"), max_steps=number, per_device_train_batch_size=count, learning_rate=1e-3,
            bf16=bf16, max_grad_norm=1.0, optim="adamw_torch", lr_scheduler_type="cosine", report_to=[],
            disable_tqdm=True, save_strategy="no", logging_strategy="no", remove_unused_columns=False,
            label_names=["labels"], use_cpu=not torch.cuda.is_available(),
        )  # fmt: skip
        with contextlib.redirect_stdout(io.StringIO()):
            Trainer(model=model, args=arguments, train_dataset=rows).train()

    return steps


def untouched(model: Any) -> None:
    """As accelerate found it: what it has marked it does not wrap again, and what it has wrapped stays so."""
    AcceleratorState._reset_state(reset_partial_state=True)
    model.__dict__.pop("_is_accelerate_prepared", None)
    if model.__dict__.pop("_original_forward", None) is not None:
        del model.forward  # the instance's, before that of its class


def rounds(
    model: Any, stamps: Stamps, sides: dict[str, Callable[[int], None]], count: int, steps: int
) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for i in range(count):
        for name, run in list(sides.items())[:: 1 if i % 2 else -1]:
            untouched(model)
            run(steps + SKIPPED + 1)
            seconds[name] += stamps.steps()
    return seconds


def flops(size: dict[str, Any], model: Any, tokens: int, batch: int) -> float:
    """Of a step without recomputation: 2 for a weight and token forward, and 2 backward, since frozen weights have no
    gradient; the tower that sees only forward; attention over all pairs of tokens."""
    text, seen = size["text"], size["seen"]
    writes = sum(p.numel() for p in model.get_decoder().layers.parameters())
    pairs = 2 * 2 * text["num_hidden_layers"] * text["hidden_size"] * tokens / batch
    patches = batch * FRAMES * (seen["image_size"] // seen["patch_size"]) ** 2
    tower = sum(p.numel() for p in model.model.video_tower.parameters())
    return tokens * (4 * writes + 2 * pairs) + 2 * patches * tower


def peak() -> float | None:
    """FLOP/s of this card, where it is known."""
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    return PEAKS[name] * 1e12 if name in PEAKS else None


@contextlib.contextmanager
def somewhere() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder, quiet():
        yield Path(folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=["tiny", "7b"], default="tiny")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--text", type=int, default=200, help="tokens beside those of the frames")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=10, help="of each side in each round")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if given.size == "7b" and device == "cpu":
        sys.exit("--size 7b needs a GPU with 40 GiB or more; leave it out for a tiny model on the CPU")
    torch.set_num_threads(given.threads)
    size = PUBLISHED if given.size == "7b" else TINY
    batch = batch_of(size, given.batch, given.text)
    tokens = batch["input_ids"].numel()
    name = torch.cuda.get_device_name() if device == "cuda" else "cpu"
    head("video_chat_step", size=given.size, device=name, tokens_a_step=tokens, threads=given.threads,
         steps=f"{given.rounds} x {given.steps}", torch=torch.__version__)  # fmt: skip
    bf16 = device == "cuda"
    with somewhere() as folder:
        # One model for both, as two of 7B are more than a card holds: a step takes as long whatever its weights are.
        found, model = model_of(size, device)
        stamps = Stamps(found.model, device, bf16)
        sides = {
            "Trainer": trainer(model, batch, bf16, folder),
            "video-chat": recipe(found, model, batch, bf16, folder),
        }
        seconds = rounds(model, stamps, sides, given.rounds, given.steps)
        work = flops(size, found.model, tokens, given.batch)
    middle = {side: statistics.median(runs) for side, runs in seconds.items()}
    most = peak()
    share = {side: f"{work / one / most:.0%}" if most else "-" for side, one in middle.items()}
    rows = [(side, f"{one:.4f}", f"{min(seconds[side]):.4f}", f"{tokens / one:,.0f}", share[side])
            for side, one in middle.items()]  # fmt: skip
    table(("", "median s", "least s", "tokens/s", "of peak"), rows)
    faster = middle["Trainer"] / middle["video-chat"]
    return bars((f"{faster:.2f} of the Trainer's tokens a second, at least {BAR:g}", faster >= BAR))


if __name__ == "__main__":
    sys.exit(main())
