"""st-llm on its real architectures, tiny and random: a run learns, goes on where it was cut off, and answers the same
when it is opened again."""

from __future__ import annotations

import asyncio
import importlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flyreel.errors import InputError, Refused
from flyreel.evaluate.pictures import picture, pictures
from flyreel.evaluate.showing import Item, show
from flyreel.evaluate.views import VIEWS
from flyreel.formats.project import open_questions
from flyreel.models.call import Call
from flyreel.models.scoring import LETTERS
from flyreel.toybox.make import Plan, make
from flyreel.train import run

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
recipe = importlib.import_module("flyreel.train.recipes.st_llm")
data = importlib.import_module("flyreel.train.st_llm.data")
nets = importlib.import_module("flyreel.train.st_llm.net")
runs = importlib.import_module("flyreel.train.runs")
toy_eyes = importlib.import_module("flyreel.train.recipes.toy_eyes")
vision = importlib.import_module("flyreel.train.st_llm.vision")

TOY = {"vision": "script", "width": 32, "heads": 2, "layers": 2, "batch": 6, "asks": 3, "look_at": 3, "steps": 12,
       "keep_every": 4, "rate": 5e-3}  # fmt: skip
FILES = {"frames": 3, "queries": 4, "batch": 4, "look_at": 4, "steps": 20, "keep_every": 4, "rate": 5e-3,
         "rate_pretrained": 5e-3}  # fmt: skip
SIZE = {"hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 64}


class CutOff(Exception):
    pass


def quiet(line: str) -> None:
    pass


def cut_off_at_step_10(line: str) -> None:
    if line.startswith("  step 10 "):
        raise CutOff


def losses_of(folder: Path, name: str = "answers") -> list[float]:
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [row[name] for row in rows if name in row]


def tensors_of(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    found: dict[str, Any] = {}
    for path in sorted((folder / "model").rglob("*.safetensors")):
        found |= {f"{path.relative_to(folder)} {name}": t for name, t in load_file(path).items()}
    return found


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture(scope="module")
def toybox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toybox")
    make(Plan(seed=21, clips=6, questions=2, width=96), folder)
    return folder


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the hub would give: a CLIP, a BLIP-2 whose Q-Former was made for another encoder, and a GPT-2."""
    root = tmp_path_factory.mktemp("parts")
    torch.manual_seed(3)
    clip = transformers.CLIPVisionModel(
        transformers.CLIPVisionConfig(**SIZE, num_hidden_layers=3, image_size=28, patch_size=14)
    )
    clip.save_pretrained(root / "clip")
    transformers.CLIPImageProcessorPil(
        size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}
    ).save_pretrained(root / "clip")
    config = transformers.Blip2QFormerConfig(**SIZE, num_hidden_layers=2, encoder_hidden_size=44)
    former = transformers.Blip2QFormerModel(config)
    (root / "blip").mkdir()
    (root / "blip" / "config.json").write_text(json.dumps({"qformer_config": config.to_dict()}))
    held = {f"qformer.{name}": t.contiguous() for name, t in former.state_dict().items()}
    from safetensors.torch import save_file

    save_file({**held, "query_tokens": torch.randn(1, 6, 32), "vision_model.x": torch.zeros(2)},
              root / "blip" / "model.safetensors")  # fmt: skip
    tokenizer = _tokenizer()
    gpt = transformers.GPT2Config(
        vocab_size=len(tokenizer), n_positions=64, n_embd=32, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0
    )
    transformers.GPT2LMHeadModel(gpt).save_pretrained(root / "gpt")
    tokenizer.save_pretrained(root / "gpt")
    return {"vision": f"clip:{root / 'clip'}", "qformer": str(root / "blip"), "model": str(root / "gpt")}


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers

    said = [w for text in ("Question : ? . , Answer Description", *data.toy_vocabulary().known) for w in text.split()]
    said += [w.capitalize() for w in said]
    known = dict.fromkeys(["<|endoftext|>", "<unk>", *said])
    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(known)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="<unk>", eos_token="<|endoftext|>", bos_token="<|endoftext|>"
    )


@pytest.fixture
def eyes(tmp_path: Path) -> str:
    """A finished run of toy-eyes that learnt nothing."""
    made = runs.open_run(tmp_path / "eyes", "toy-eyes", {}, {}, quiet)
    from safetensors.torch import save_file

    made.model.mkdir()
    save_file(toy_eyes.untrained().state_dict(), made.model / "eyes.safetensors")
    made.finish({}, "")
    return f"eyes:{tmp_path / 'eyes'}"


@pytest.fixture(scope="module")
def trained(toybox: Path, parts: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "whole"
    run.train("st-llm", out, {"source": str(toybox / "questions.jsonl"), **parts, **FILES}, quiet)
    return out


def call_about(toybox: Path, number: int, open_ended: bool = False) -> tuple[Call, list[str]]:
    questions = open_questions(toybox / "questions.jsonl", None).questions
    choices = [] if open_ended else questions.choices_of(number)
    clip = toybox / "clips" / f"{questions.strings('clip')[number]}.mp4"
    item = Item("q", questions.texts[number], tuple(choices), video=clip)
    how = recipe.Choosing(k=3, longest=96)
    return show(item, VIEWS["full"], pictures(clip, item.question, how)).call, choices


def replied(model: Any, call: Call) -> Any:
    return asyncio.run(model.send(call))


# A run


def test_it_learns_from_files_with_a_frozen_encoder(trained: Path, parts: dict[str, str]) -> None:
    found = losses_of(trained)
    assert len(found) == 2 and found[1] < 0.8 * found[0]
    assert all(np.isfinite(losses_of(trained, "mvm")))
    learnt = tensors_of(trained)
    from safetensors.torch import load_file

    for name, tensor in load_file(Path(parts["vision"].partition(":")[2]) / "model.safetensors").items():
        assert torch.equal(learnt[f"model/vision/model.safetensors {name}"], tensor)
    was = load_file(Path(parts["qformer"]) / "model.safetensors")
    for name, tensor in was.items():
        if name.startswith("qformer."):
            now = learnt[f"model/qformer/model.safetensors {name.removeprefix('qformer.')}"]
            # A bias of keys adds the same to every score, so nothing pulls at it.
            assert torch.equal(now, tensor) == ("crossattention" not in name) or name.endswith("key.bias"), name
    assert learnt["model/between.safetensors bridge.weight"].shape == (44, 32)


def test_features_and_checkpoints_are_gone_at_the_end_and_the_card_tells_what_came_of_it(trained: Path) -> None:
    assert not {"frames", "features", "checkpoint"} & {path.name for path in trained.iterdir()}
    facts = json.loads((trained / "run.json").read_text())
    held = facts["result"]["held"]
    assert held["perplexity"] == pytest.approx(math.exp(held["loss"]))
    card = (trained / "README.md").read_text()
    assert f"{held['accuracy']:.4g}" in card and f"chance {held['chance']:.4g}" in card and "chosen by" not in card
    assert held["ci95"][0] <= held["accuracy"] <= held["ci95"][1]


def rewritten(toybox: Path, folder: Path, **changes: Any) -> Path:
    """The questions of the toybox with something else in every row, beside the same clips."""
    rows = [json.loads(line) for line in (toybox / "questions.jsonl").read_text().splitlines()]
    (folder / "clips").symlink_to(toybox / "clips")
    (folder / "clips.jsonl").write_text((toybox / "clips.jsonl").read_text())
    file = folder / "questions.jsonl"
    file.write_text("".join(json.dumps(row | changes) + "\n" for row in rows))
    return file


def test_all_that_is_held_out_counts_at_the_end_and_a_drawn_sample_while_it_learns(
    toybox: Path, parts: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    judged = recipe.judged

    def noted(net: Any, words: Any, clips: Any, room: int) -> Any:
        asked.append([clip.asks[0].question for clip in clips])
        return judged(net, words, clips, room)

    monkeypatch.setattr(recipe, "judged", noted)
    given = {"source": str(toybox / "questions.jsonl"), **parts, **FILES, "held": 0.5, "steps": 2, "look_every": 1,
             "look_at": 2}  # fmt: skip
    run.train("st-llm", tmp_path / "run", given, quiet)
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    *looks, last = asked
    assert len(looks) == 2 and looks[0] == looks[1] and len(looks[0]) == 2
    assert looks[0] != last[:2], "the first of a file are often of one film"
    assert facts["result"]["held"]["n"] == len(last) == facts["about"]["data"]["held"] > 2
    assert "The weights were chosen by" in (tmp_path / "run" / "README.md").read_text()


def test_nothing_held_out_is_said_and_measures_nothing(toybox: Path, parts: dict[str, str], tmp_path: Path) -> None:
    given = {"source": str(toybox / "questions.jsonl"), **parts, **FILES, "held": 0.0, "steps": 1}
    made = run.train("st-llm", tmp_path / "run", given, quiet)
    assert made["result"]["held"] == {}
    assert "Nothing was held out." in (tmp_path / "run" / "README.md").read_text()


def test_clips_of_which_none_can_be_read_end_in_a_line(toybox: Path, parts: dict[str, str], tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (toybox / "questions.jsonl").read_text().splitlines()]
    for row in rows:
        row["clip"] = "a.mp4"
    (tmp_path / "a.mp4").write_bytes(b"no film")
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = {"source": str(tmp_path / "questions.jsonl"), **parts, **FILES, "steps": 3}
    with pytest.raises(InputError, match="nothing was learnt, since no clip could be read"):
        run.train("st-llm", tmp_path / "run", given, quiet)
    assert not (tmp_path / "run" / "model").exists()


def test_what_was_pretrained_learns_at_a_rate_of_its_own(
    trained: Path, toybox: Path, parts: dict[str, str], tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    given = {"source": str(toybox / "questions.jsonl"), **parts, **FILES, "steps": 2, "rate_pretrained": 1e-7}
    run.train("st-llm", tmp_path / "run", given, quiet)
    learnt = load_file(tmp_path / "run" / "model" / "llm" / "model.safetensors")
    for name, tensor in load_file(Path(parts["model"]) / "model.safetensors").items():
        assert (learnt[name] - tensor).abs().max() < 1e-5, name
    asked = load_file(Path(parts["qformer"]) / "model.safetensors")["query_tokens"][0, :4]
    between = load_file(tmp_path / "run" / "model" / "between.safetensors")
    assert (between["queries"] - asked).abs().max() < 1e-5
    assert (between["times.weight"]).abs().max() > 0 and not torch.allclose(
        between["bridge.weight"], tensors_of(trained)["model/between.safetensors bridge.weight"], atol=1e-4
    )


def test_frames_for_real_questions_are_not_chosen_by_an_embedder_of_toybox(
    toybox: Path, parts: dict[str, str], eyes: str, tmp_path: Path
) -> None:
    source = rewritten(toybox, tmp_path, origin={"name": "film"})
    given = {"source": str(source), **FILES, "steps": 1}
    with pytest.raises(InputError, match="name what does, as in --set embedder=hf:"):
        run.train("st-llm", tmp_path / "run", {**given, "vision": eyes}, quiet)
    with pytest.raises(InputError, match=f"^hf:{parts['vision'].partition(':')[2]}"):  # it has no half for texts
        run.train("st-llm", tmp_path / "run", {**given, "vision": parts["vision"]}, quiet)
    for number, named in enumerate(({"embedder": "toyclip"}, {"selector": "uniform"})):
        run.train("st-llm", tmp_path / str(number), {**given, "vision": parts["vision"], **named}, quiet)


def test_toybox_is_made_scenes_whatever_folder_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "toybox").mkdir()
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    made = run.train("st-llm", tmp_path / "run", {**TOY, "source": "toybox", "steps": 1}, said.append)
    assert made["result"]["held"]["n"] > 0
    assert any("made scenes" in line for line in said)


def test_of_toybox_a_quarter_is_watched_at_least(eyes: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    toy_batch = data.toy_batch

    def noted(*given: Any) -> Any:
        counts.append(given[4])
        return toy_batch(*given)

    monkeypatch.setattr(data, "toy_batch", noted)
    run.train("st-llm", tmp_path / "run", {**TOY, "vision": eyes, "batch": 4, "pool": 2, "steps": 1}, quiet)
    assert set(counts) == {3}


def test_an_encoder_is_saved_without_a_word(
    parts: dict[str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = vision.open_vision(parts["vision"])
    capfd.readouterr()
    found.save(tmp_path)
    assert capfd.readouterr() == ("", "")


def test_a_run_from_files_cut_off_goes_on_to_the_same_weights(
    trained: Path, toybox: Path, parts: dict[str, str], tmp_path: Path
) -> None:
    given = {"source": str(toybox / "questions.jsonl"), **parts, **FILES}
    with pytest.raises(CutOff):
        run.train("st-llm", tmp_path / "run", given, cut_off_at_step_10)
    assert not (tmp_path / "run" / "model").exists()
    run.train("st-llm", tmp_path / "run", given, quiet)
    assert same(tensors_of(tmp_path / "run"), tensors_of(trained))


@pytest.mark.parametrize(
    "changes", [{"mvm": 1.0}, {}, {"mvm": 1.0, "form": "cosine", "loss": "adatailr-bias-variance"}]
)
def test_a_run_from_nothing_cut_off_goes_on_to_the_same_weights(changes: dict[str, Any], tmp_path: Path) -> None:
    given = {**TOY, **changes}
    run.train("st-llm", tmp_path / "whole", given, quiet)
    with pytest.raises(CutOff):
        run.train("st-llm", tmp_path / "run", given, cut_off_at_step_10)
    run.train("st-llm", tmp_path / "run", given, quiet)
    assert same(tensors_of(tmp_path / "run"), tensors_of(tmp_path / "whole"))
    assert bool(losses_of(tmp_path / "run", "mvm")) == ("mvm" in changes)


def test_it_learns_toybox_from_nothing(tmp_path: Path) -> None:
    """Thirty small steps: it has found out which words are said at all."""
    run.train("st-llm", tmp_path / "run", {**TOY, "steps": 30}, quiet)
    found = losses_of(tmp_path / "run")
    assert len(found) == 3 and found[-1] < 0.85 * found[0]


def test_masking_is_off_without_masked_video_modelling_unless_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[bool] = []
    watch = nets.StLlm.watch

    def noted(self: Any, tokens: Any, kept: Any = None) -> Any:
        if self.training and torch.is_grad_enabled():
            seen.append(kept is not None)
        return watch(self, tokens, kept)

    monkeypatch.setattr(nets.StLlm, "watch", noted)
    for number, changes in enumerate(({}, {"mask": True}, {"mvm": 0.5})):
        run.train("st-llm", tmp_path / str(number), {**TOY, "steps": 1, **changes}, quiet)
    assert seen == [False, True, True]


# The model that it makes


def test_what_is_written_opens_without_the_hub_and_answers_the_same(
    trained: Path, toybox: Path, tmp_path: Path
) -> None:
    trained_model, moved = recipe.open_model(trained), tmp_path / "moved"
    (moved).mkdir()
    (trained / "model").rename(moved / "model")
    try:
        again = recipe.open_model(moved)
    finally:
        (moved / "model").rename(trained / "model")
    assert again.identity == trained_model.identity
    for number in range(3):
        call, choices = call_about(toybox, number)
        one, other = replied(trained_model, call), replied(again, call)
        assert one.text == other.text and one.text.startswith("**Answer:** ")
        assert one.text[-1] in LETTERS[: len(choices)]
        assert one.text == replied(trained_model, call).text


def test_the_reply_is_the_likeliest_choice_and_follows_it_to_another_letter(trained: Path, toybox: Path) -> None:
    model = recipe.open_model(trained)
    for number in range(3):
        call, choices = call_about(toybox, number)
        said = choices[LETTERS.index(replied(model, call).text[-1])]
        text = call.messages[-1]["content"][-1]["text"]
        for letter, choice in zip(LETTERS, reversed(choices), strict=False):
            text = text.replace(f"{letter}) {choices[LETTERS.index(letter)]}", f"{letter}) {choice}")
        turned = [*call.messages[-1]["content"][:-1], {"type": "text", "text": text}]
        messages = (*call.messages[:-1], {"role": "user", "content": turned})
        reply = replied(model, Call(messages, {**call.parameters, "logprobs": True}, media=call.media))
        assert choices[::-1][LETTERS.index(reply.text[-1])] == said
        assert max(reply.first_token, key=reply.first_token.get) == reply.text[-1]
        assert sum(math.exp(p) for p in reply.first_token.values()) == pytest.approx(1)


def test_open_questions_are_answered_in_words_and_no_picture_is_no_error(trained: Path, toybox: Path) -> None:
    model = recipe.open_model(trained)
    call, _ = call_about(toybox, 0, open_ended=True)
    reply = replied(model, Call(call.messages, {"max_tokens": 3}, media=call.media))
    assert reply.output_tokens <= 3 and "**" not in reply.text
    blind = Call(({"role": "user", "content": "Question: Who jumps?\nOptions:\nA) Mo\nB) Pip"},))
    assert replied(model, blind).text in ("**Answer:** A", "**Answer:** B")


def test_frames_of_any_number_and_size_are_taken(trained: Path) -> None:
    model = recipe.open_model(trained)
    for sizes in ([(40, 30)], [(20, 20), (30, 40), (20, 20), (50, 10), (64, 64)]):
        media = tuple(picture(np.full((*size, 3), 9 * i, np.uint8)) for i, size in enumerate(sizes))
        content = [*(m.part for m in media), {"type": "text", "text": "Question: Who jumps?\nA) Mo\nB) Pip"}]
        assert replied(model, Call(({"role": "user", "content": content},), media=media)).text[-1] in "AB"


def test_a_question_too_long_for_its_positions_is_refused(trained: Path) -> None:
    call = Call(({"role": "user", "content": "Question: " + "who jumps " * 60},))
    with pytest.raises(Refused, match="room for 52"):
        replied(recipe.open_model(trained), call)


def test_one_that_learnt_from_the_script_says_that_it_sees_nothing(tmp_path: Path, toybox: Path) -> None:
    run.train("st-llm", tmp_path / "run", {**TOY, "steps": 1}, quiet)
    model = recipe.open_model(tmp_path / "run")
    call, _ = call_about(toybox, 0)
    assert not model.sees
    with pytest.raises(Refused, match="a model of text"):
        replied(model, call)


def test_one_that_learnt_by_eye_watches_each_scene_once_and_answers_about_files(
    eyes: str, tmp_path: Path, toybox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[bytes] = []
    features = vision.ToyEyes.features

    def noted(self: Any, frames: np.ndarray) -> Any:
        looked.append(frames.tobytes())
        return features(self, frames)

    monkeypatch.setattr(vision.ToyEyes, "features", noted)
    run.train("st-llm", tmp_path / "run", {**TOY, "vision": eyes, "told": 3, "pool": 2, "steps": 3}, quiet)
    assert len(set(looked)) == 2 + 3  # every scene of the pool, and every held-out one
    assert len(looked) <= 2 + 2 + 3  # two threads may come to the same scene at once
    seen = len(looked)
    model = recipe.open_model(tmp_path / "run")
    call, choices = call_about(toybox, 0)
    assert replied(model, call).text[-1] in LETTERS[: len(choices)] and len(looked) == seen + 1


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"source": "x.jsonl", "vision": "script"}, "sees toybox alone"),
        ({"frames": 4}, "toybox is shown in 8"),
        ({"vision": "glasses"}, "write clip:NAME"),
        ({"vision": "eyes:none"}, "none: "),
        ({"least": 0.8, "most": 0.2}, "in this order"),
        ({"width": 30, "heads": 4}, "multiple of heads"),
        ({"batch": 0}, "more than 0"),
        ({"mvm": -1.0}, "mvm=-1: must not be less"),
        ({"told": -1}, "told=-1"),
        ({"rate": 0.0}, "rate=0"),
        ({"longest": 20}, r"texts of toybox take up to \d+ tokens.*room for 20"),
        ({"loss": "tialr"}, "no such loss"),
        ({"loss": "adatailr-sample-noise"}, "no noise"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_a_line(given: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says) as error:
        run.train("st-llm", tmp_path / "run", {**TOY, **given}, quiet)
    assert "\n" not in str(error.value)


def test_a_layer_that_the_encoder_lacks_is_refused(parts: dict[str, str]) -> None:
    for layer in (-9, 4):
        with pytest.raises(InputError, match=rf"clip_layer={layer}: .* has 3 layers"):
            vision.open_vision(parts["vision"], layer)
    assert vision.open_vision(parts["vision"], -4).features(np.zeros((1, 28, 28, 3), np.uint8)).shape == (1, 5, 32)


def test_frames_that_leave_no_room_for_words_are_refused(parts: dict[str, str], toybox: Path, tmp_path: Path) -> None:
    given = {"source": str(toybox / "questions.jsonl"), **parts, **FILES, "frames": 12, "queries": 6}
    with pytest.raises(InputError, match="leave no room for words among 64 positions"):
        run.train("st-llm", tmp_path / "run", given, quiet)
