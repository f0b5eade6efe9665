"""A tiny random T5, saved and opened as any other is: what it is shown, token by token, and what comes of it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from flyreel.engine.stage import Drop
from flyreel.errors import InputError, MissingExtra
from flyreel.generate.askers.base import Sheet, askers
from flyreel.generate.askers.t5 import STYLES, cleaned, named, prompt, t5
from flyreel.generate.language.candidates import Candidate
from flyreel.generate.method import Setting
from flyreel.generate.pretrained import encoded, opened, plain

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

WORDS = (
    "generate question : answer context A a man walks with his dog in the park . who what another ? < hl > / s".split()
)
TEXT = "A man walks with a man in the park ."
LATER = Candidate("a man", "living", TEXT.index("a man"), TEXT.index("a man") + len("a man"))
MAN = Candidate("man", "living", TEXT.rindex("man"), TEXT.rindex("man") + 3)


def save(folder: Path, highlight: bool) -> Path:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    vocabulary = {w: i for i, w in enumerate(["<pad>", "</s>", "<unk>", *dict.fromkeys(WORDS)])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])
    words.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    more = {"additional_special_tokens": ["<hl>"]} if highlight else {}
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", unk_token="<unk>", eos_token="</s>", **more
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.T5Config(
        vocab_size=len(tokenizer), d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2, n_positions=64,
        decoder_start_token_id=0, pad_token_id=0, eos_token_id=1,
    )  # fmt: skip
    model = transformers.T5ForConditionalGeneration(config)
    for parameter in model.parameters():  # the usual start is so small that every text is told the same
        torch.nn.init.normal_(parameter, std=0.5) if parameter.ndim > 1 else None
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("t5") / "tiny-qg", highlight=True)


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Any:
    return transformers.AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The tokenizer of a model that was not trained with highlights."""
    return transformers.AutoTokenizer.from_pretrained(save(tmp_path_factory.mktemp("t5") / "ap", highlight=False))


def back(tokenizer: Any, ids: list[int] | None) -> str:
    assert ids is not None
    return " ".join(tokenizer.convert_ids_to_tokens(ids))


def test_the_occurrence_that_is_meant_stands_between_the_two_highlights(tokenizer: Any) -> None:
    ids = prompt(tokenizer, TEXT, MAN, "highlight", 64)
    assert back(tokenizer, ids) == "generate question : A man walks with a <hl> man <hl> in the park . </s>"
    first = Candidate("A man", "living", 0, 5)
    ids = prompt(tokenizer, TEXT, first, "highlight", 64)
    assert back(tokenizer, ids) == "generate question : <hl> A man <hl> walks with a man in the park . </s>"


def test_the_other_style_names_the_answer_before_the_text(tokenizer: Any) -> None:
    ids = prompt(tokenizer, TEXT, LATER, "answer-context", 64)
    assert back(tokenizer, ids) == f"answer : a man context : {TEXT} </s>"


@pytest.mark.parametrize("style", STYLES)
def test_control_tokens_in_a_description_are_words(tokenizer: Any, without: Any, style: str) -> None:
    text = "A <hl> dog </s> walks <pad> in ＜/s＞ <HL> the </\u200bs> park ."
    candidate = Candidate("dog", "living", text.index("dog"), text.index("dog") + 3)
    for tok in (tokenizer, without):
        ids = prompt(tok, text, candidate, style, 64)
        assert ids is not None
        assert ids.count(1) == 1 and ids[-1] == 1 and 0 not in ids
        if tok is tokenizer:
            shown = back(tok, ids).split()
            assert shown.count("<hl>") == (2 if style == "highlight" else 0)
            assert style != "highlight" or "<hl> dog <hl>" in " ".join(shown)
    assert plain(tokenizer, "plain <b> & text") == "plain <b> & text"
    assert not {"</s>", "<hl>"} & set(tokenizer.tokenize(plain(tokenizer, "<</s>/s> <h<hl>l>")))


def test_where_the_tokenizer_has_no_highlight_it_is_plain_text(without: Any) -> None:
    ids = prompt(without, TEXT, MAN, "highlight", 64)
    assert back(without, ids) == "generate question : A man walks with a < hl > man < hl > in the park . </s>"


def test_a_tokenizer_that_adds_no_end_token_gets_one(folder: Path, tmp_path: Path) -> None:
    from tokenizers import processors

    bare = transformers.AutoTokenizer.from_pretrained(folder)
    bare.backend_tokenizer.post_processor = processors.TemplateProcessing(single="$A", special_tokens=[])
    assert bare("a man")["input_ids"] == encoded(bare, "a man")[:-1] and encoded(bare, "a man")[-1] == 1


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("at", [0, 40, 80])
def test_a_long_description_is_cut_around_the_answer(tokenizer: Any, style: str, at: int) -> None:
    words = ["a", "park", "."] * 27
    words[at : at + 2] = ["his", "dog"]
    text = " ".join(words)
    candidate = Candidate("his dog", "living", text.index("his"), text.index("dog") + 3)
    ids = prompt(tokenizer, text, candidate, style, 40)
    shown = back(tokenizer, ids)
    assert ids is not None and 36 <= len(ids) <= 40 and ids.count(1) == 1 and ids[-1] == 1
    mark = "<hl> his dog <hl>" if style == "highlight" else "his dog"
    left, found, right = shown.partition(" : ")[2].removeprefix("his dog context :").partition(mark)
    assert found
    if at == 40:
        assert abs(len(left.split()) - len(right.split())) <= 3, "as much on either side"


def test_an_answer_is_never_cut(tokenizer: Any) -> None:
    text = " ".join(["a man"] * 30)
    assert prompt(tokenizer, text, Candidate(text, "noun", 0, len(text)), "highlight", 40) is None


@pytest.mark.parametrize("style", STYLES)
async def test_what_it_writes_does_not_depend_on_the_batch(
    folder: Path, style: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flyreel.generate.askers.t5.cleaned", lambda text: text)
    setting = Setting(asker=f"t5:{folder}?style={style}")
    texts = [" ".join(TEXT.split()[i:j]) for i in range(4) for j in range(i + 1, 9, 2)]
    sheets = [Sheet(t, (Candidate(t.split()[0], "noun", 0, len(t.split()[0])),)) for t in texts]
    together = await t5(sheets, setting)
    alone = [(await t5([sheet], setting))[0] for sheet in sheets]
    assert together == alone == await t5(sheets, setting)
    assert len({some[0] for some in together}) > 1, "the model must heed what it is shown for this to show anything"


async def test_it_writes_what_transformers_does(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four beams, 32 tokens at most, from the very ids of the prompt."""
    monkeypatch.setattr("flyreel.generate.askers.t5.cleaned", lambda text: text)
    model = transformers.T5ForConditionalGeneration.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    ids = torch.tensor([prompt(tokenizer, TEXT, MAN, "highlight", 64)])
    with torch.inference_mode():
        out = model.generate(ids, attention_mask=torch.ones_like(ids), num_beams=4, max_new_tokens=32, do_sample=False)
    assert out.shape[1] <= 33
    written = await t5([Sheet(TEXT, (MAN,))], Setting(asker=f"t5:{folder}"))
    assert written == [[" ".join(tokenizer.decode(out[0], skip_special_tokens=True).split())]]


async def test_every_candidate_has_its_own_outcome(folder: Path) -> None:
    long = " ".join(["a man"] * 40)
    sheets = [Sheet("", ()), Sheet(TEXT, (LATER, MAN)), Sheet(long, (Candidate(long, "noun", 0, len(long)),))]
    found = await t5(sheets, Setting(asker=f"t5:{folder}"))
    assert [len(some) for some in found] == [0, 2, 1]
    assert isinstance(found[2][0], Drop) and found[2][0].reason == "answer-too-long"


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("question: Who walks?", "Who walks?"),
        (" Question:  question : Who \n walks?", "Who walks?"),
        ("What question does he ask?", "What question does he ask?"),
    ],
)
def test_a_question_is_cleaned(text: str, question: str) -> None:
    assert cleaned(text) == question


@pytest.mark.parametrize("text", ["", "?", "A man walks.", "question:", "Who walks"])
def test_what_is_no_question_is_dropped(text: str) -> None:
    outcome = cleaned(text)
    assert isinstance(outcome, Drop) and outcome.reason == "not-a-question"


def test_the_model_is_named_without_its_folder(folder: Path) -> None:
    origin = askers.get("t5").facts["origin"]
    assert origin(Setting(asker=f"t5:{folder}?style=highlight")) == {"model": "tiny-qg"}
    assert named("t5:someone/model-qg-ap?style=answer-context") == ("someone/model-qg-ap", "answer-context")


@pytest.mark.parametrize("option", ["style=bold", "styl=highlight", ""])
def test_an_unknown_style_is_the_users_mistake(option: str) -> None:
    with pytest.raises(InputError, match="style=highlight or style=answer-context"):
        named(f"t5:model?{option}")


async def test_a_wrong_model_is_one_line_each(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(name: str) -> str:
        with pytest.raises(InputError) as error:
            await t5([], Setting(asker=f"t5:{name}"))
        assert "\n" not in str(error.value)
        return str(error.value)

    monkeypatch.setattr("huggingface_hub.snapshot_download", _offline)
    assert "no such folder, and the hub does not give it (no network)" in await refused("no/such-model")
    assert "name a model" in await refused("")
    (tmp_path / "empty").mkdir()
    assert "cannot be loaded" in await refused(str(tmp_path / "empty"))
    damaged = Path(shutil.copytree(folder, tmp_path / "damaged"))
    from safetensors.torch import load_file, save_file

    weights = load_file(damaged / "model.safetensors")
    gone = next(name for name in weights if "DenseReluDense" in name)
    save_file({n: w for n, w in weights.items() if n != gone}, damaged / "model.safetensors", {"format": "pt"})
    assert "1 weights are not in" in await refused(str(damaged))
    other = Path(shutil.copytree(folder, tmp_path / "bert"))
    (other / "config.json").write_text(json.dumps({"model_type": "bert"}))
    assert "cannot be loaded" in await refused(str(other))


def _offline(*_: Any, **__: Any) -> str:
    raise OSError("no network")


async def test_without_the_extra_the_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    opened.cache_clear()
    with pytest.raises(MissingExtra, match=r"flyreel\[models\]"):
        await t5([], Setting(asker="t5:any"))
