"""What templates do to a message that they were not written for, and that nothing of it is lost."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from flyreel.errors import Refused
from flyreel.models._chat_template import Reader, _prompt, _rolled, _turns, inputs
from flyreel.models.call import Call, Media

transformers = pytest.importorskip("transformers")

LISTED = (
    "{% for m in messages %}[{{ m['role'] }}]{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<image>{% elif c['type'] == 'video' %}<video>{% else %}{{ c['text'] }}{% endif %}"
    "{% endfor %}{% endfor %}{% if add_generation_prompt %}[reply]{% endif %}"
)
AS_TEXT = "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}[reply]"
REFUSES = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system here') }}{% endif %}"
DROPS = "{% set messages = messages | rejectattr('role', 'equalto', 'system') | list %}"


@pytest.fixture(scope="module")
def reader() -> Reader:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    known = ["<pad>", "<unk>", "<s>", "</s>", "<image>", "<video>", "brief", "what"]
    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(known)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 2)])
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", unk_token="<unk>", bos_token="<s>", eos_token="</s>",
        additional_special_tokens=["<image>"],
    )  # fmt: skip
    images = transformers.CLIPImageProcessorPil(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    processor = transformers.LlavaProcessor(
        images, tokenizer, patch_size=14, vision_feature_select_strategy="default", num_additional_image_tokens=1
    )
    return Reader(processor, tokenizer)


@pytest.fixture(scope="module")
def call() -> Call:
    file = io.BytesIO()
    Image.new("RGB", (28, 28), "red").save(file, "JPEG")
    media = tuple(Media(f"{n}" * 64, "image/jpeg", file.getvalue()) for n in range(2))
    content = [media[0].part, media[1].part, {"type": "text", "text": "what"}]
    return Call(({"role": "system", "content": "brief"}, {"role": "user", "content": content}), media=media)


def prompt(reader: Reader, call: Call, template: str | None, film: bool = False) -> str:
    reader.processor.chat_template = template
    try:
        return _prompt(reader, _turns(reader, call, film))[0]
    finally:
        reader.processor.chat_template = None


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (LISTED, "[system]brief[user]<image><image>what[reply]"),
        (AS_TEXT, "[system]brief[user]<image>\n<image>\nwhat[reply]"),
        (REFUSES + LISTED, "[user]brief<image><image>what[reply]"),
        (DROPS + LISTED, "[user]brief<image><image>what[reply]"),
        (REFUSES + AS_TEXT, "[user]brief\n<image>\n<image>\nwhat[reply]"),
        (None, "brief USER: <image>\n<image>\nwhat ASSISTANT:"),
    ],
    ids=["list", "text", "list, refuses a system", "list, drops it", "text, refuses a system", "none"],
)
def test_every_template_is_told_all_of_it(reader: Reader, call: Call, template: str | None, expected: str) -> None:
    assert prompt(reader, call, template) == expected


def test_pictures_in_a_row_may_be_one_video(reader: Reader, call: Call) -> None:
    assert prompt(reader, call, LISTED, film=True) == "[system]brief[user]<video>what[reply]"
    assert prompt(reader, call, None, film=True) == "brief USER: <video>\nwhat ASSISTANT:"


def test_a_template_that_takes_no_pictures_does_not_lose_them_silently(reader: Reader, call: Call) -> None:
    mute = "{% for m in messages %}{% for c in m['content'] %}{{ c['text'] }}{% endfor %}{% endfor %}"
    with pytest.raises(Refused) as refused:
        prompt(reader, call, mute)
    assert refused.value.reason == "chat-template"


def test_what_was_said_before_comes_before(reader: Reader) -> None:
    said = [("user", "what"), ("assistant", "red"), ("user", "why")]
    talk = Call(tuple({"role": role, "content": text} for role, text in said))
    assert prompt(reader, talk, None) == "USER: what ASSISTANT: red USER: why ASSISTANT:"
    assert prompt(reader, talk, LISTED) == "[user]what[assistant]red[user]why[reply]"


@pytest.mark.parametrize("text", ["a <image> b", "a </s> b", "<ima<image>ge>", "a <IMAGE> <video> b"])
def test_no_text_of_a_message_is_a_control_token(reader: Reader, text: str) -> None:
    written = prompt(reader, Call(({"role": "user", "content": text},)), LISTED).lower()
    assert not any(token in written for token in ("<image>", "<video>", "</s>"))


def test_a_template_that_begins_the_text_itself_is_not_begun_twice(reader: Reader, call: Call) -> None:
    counts = []
    for template in (None, "<s>" + LISTED):
        reader.processor.chat_template = template
        counts.append(inputs(reader, call, False)["input_ids"][0].tolist().count(2))
    reader.processor.chat_template = None
    assert counts == [1, 1]


PICTURE = Image.new("RGB", (2, 2))


@given(st.lists(st.sampled_from(["text", PICTURE])))
def test_rolling_frames_up_loses_nothing_and_leaves_no_two_in_a_row(parts: list[Any]) -> None:
    rolled = list(_rolled(parts))
    flat = [p for part in rolled for p in (part if isinstance(part, tuple) else (part,))]
    assert len(flat) == len(parts) and all(a is b for a, b in zip(flat, parts, strict=True))
    assert all(len(part) > 1 for part in rolled if isinstance(part, tuple))
    seen = [not isinstance(part, str) for part in rolled]
    assert not any(a and b for a, b in pairwise(seen))
