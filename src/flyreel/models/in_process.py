"""A model of transformers in this process, of text or of text and pictures: `hf:NAME` of the hub, or `hf:FOLDER`.

It answers calls as an endpoint does, with the same bodies, so ledger, budget and engine need not know. A call that
wants a JSON schema gets text as the model writes it: nothing holds it to the schema here. Log-probabilities are of the
first token alone, before temperature.
"""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any, Literal

from flyreel.errors import InputError, ModelError, Refused
from flyreel.models._chat_template import Reader, inputs
from flyreel.models._in_thread import Answered, InThread, out_of_memory
from flyreel.models._opening import Opened, opened
from flyreel.models.call import Call
from flyreel.models.hub import brief
from flyreel.models.scoring import TOP_LOGPROBS

FramesAs = Literal["images", "video"]
FRAMES_AS: tuple[FramesAs, ...] = ("images", "video")


class TransformersModel(InThread):
    """Its identity is the digest of its files. Frames that were shown as a video are not what the same model saw in
    pictures, so that is part of it too."""

    def __init__(self, name: str, with_: Opened, frames_as: FramesAs = "images") -> None:
        identity = f"sha256:{with_.digest}" + (":video" if frames_as == "video" else "")
        super().__init__(Path(name).name or name, identity, with_.sees, self._generated)
        self._with = with_
        self._film = frames_as == "video"

    def _generated(self, call: Call) -> Answered:
        import torch
        from transformers import LogitsProcessorList

        watch = _Watch(self)
        model, device = self._with.model, self._with.device
        given = {name: there(value, model) for name, value in taken(self._with.reader, call, self._film).items()}
        used = int(given["input_ids"].shape[1])
        room = self._with.limit - used
        if room < 1:
            raise Refused("too-long", f"{used:,} tokens, and the model has positions for {self._with.limit:,}")
        most = min(call.output_tokens_most, room)
        with torch.random.fork_rng(devices=[torch.cuda.current_device()] if device == "cuda" else []):
            torch.manual_seed(self.seed(call))
            out = model.generate(
                **given, **_drawing(call.parameters), max_new_tokens=most, num_beams=1,
                logits_processor=LogitsProcessorList([watch]),
            )  # fmt: skip
        new = out[0, -watch.tokens :].tolist()
        text = self._with.reader.tokenizer.decode(
            new, skip_special_tokens=True, clean_up_tokenization_spaces=False
        ).strip()
        top = int(call.parameters.get("top_logprobs", TOP_LOGPROBS))
        likeliest = self._likeliest(watch.first, top) if call.parameters.get("logprobs") else ()
        return Answered(text, used, len(new), new[-1] in self._with.ends, likeliest)

    def _likeliest(self, logits: Any, n: int) -> list[dict[str, Any]]:
        """Tokens that read alike, such as two of half a character each, are one entry."""
        tokenizer = self._with.reader.tokenizer
        found = logits.log_softmax(-1).topk(min(max(n, 1), logits.shape[-1]))
        by_text: dict[str, float] = {}
        for logprob, token in zip(found.values.tolist(), found.indices.tolist(), strict=True):
            text = tokenizer.decode([token], clean_up_tokenization_spaces=False)
            if str(tokenizer.convert_ids_to_tokens(token))[:1] in ("▁", "Ġ") and not text.startswith(" "):
                text = f" {text}"
            by_text[text] = math.log(math.exp(by_text.get(text, -math.inf)) + math.exp(max(logprob, -700.0)))
        return [{"token": t, "logprob": p} for t, p in sorted(by_text.items(), key=lambda entry: -entry[1])]


def taken(reader: Reader, call: Call, film: bool) -> dict[str, Any]:
    """What the model is given for a call; refused where the processor takes no such thing."""
    try:
        return inputs(reader, call, film)
    except ModelError:
        raise
    except Exception as error:  # each processor has its own way to say what it does not take
        if out_of_memory(error):
            raise
        raise Refused("not-taken-by-processor", f"{type(error).__name__}: {brief(error)}") from None


class _Watch:
    """Stands among the logits processors: keeps the first token's logits, counts, and ends what nobody waits for."""

    def __init__(self, model: InThread) -> None:
        self.model = model
        self.first: Any = None
        self.tokens = 0

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        self.model.still_wanted()
        if self.first is None:
            self.first = scores[0].float()
        self.tokens += 1
        return scores


def _drawing(parameters: dict[str, Any]) -> dict[str, Any]:
    """As endpoints have it, where not saying a temperature is to say 1."""
    temperature = float(parameters.get("temperature", 1.0))
    if temperature <= 0:
        return {"do_sample": False}
    return {
        "do_sample": True, "temperature": temperature, "top_p": float(parameters.get("top_p", 1.0)), "top_k": 0,
    }  # fmt: skip


def there(value: Any, model: Any) -> Any:
    """Where the model is, and numbers with a point in its precision."""
    if not hasattr(value, "is_floating_point"):
        return value
    return value.to(model.device, model.dtype) if value.is_floating_point() else value.to(model.device)


def open_in_process(name: str, frames_as: FramesAs = "images") -> TransformersModel:
    """A name of the hub, or the folder that a model was saved to."""
    with_ = opened(name)
    if frames_as == "video" and not with_.films:
        raise InputError(f"hf:{name}: {_no_video(with_)}; or leave frames_as out")
    return TransformersModel(name, with_, frames_as)


def _no_video(with_: Opened) -> str:
    if not hasattr(with_.reader.processor, "video_processor"):
        return "takes no video: name another model"
    if importlib.util.find_spec("torchvision") is None:
        return 'frames_as = "video" needs torchvision: pip install torchvision'
    return "its processor has no video half: name another model"
