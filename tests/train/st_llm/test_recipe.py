"""st-llm on its real architectures, tiny and random: a run learns, goes on where it was cut off, and tells what came
of it."""

from __future__ import annotations

import importlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flyreel.errors import InputError
from flyreel.train import run

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
recipe = importlib.import_module("flyreel.train.recipes.st_llm")
data = importlib.import_module("flyreel.train.st_llm.data")
nets = importlib.import_module("flyreel.train.st_llm.net")

TOY = {"vision": "script", "width": 32, "heads": 2, "layers": 2, "batch": 6, "asks": 3, "look_at": 3, "steps": 12,
       "keep_every": 4, "rate": 5e-3}  # fmt: skip


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
    toybox: Path, parts: dict[str, str], files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    judged = recipe.judged

    def noted(net: Any, words: Any, clips: Any, room: int) -> Any:
        asked.append([clip.asks[0].question for clip in clips])
        return judged(net, words, clips, room)

    monkeypatch.setattr(recipe, "judged", noted)
    given = {"source": str(toybox / "questions.jsonl"), **parts, **files, "held": 0.5, "steps": 2, "look_every": 1,
             "look_at": 2}  # fmt: skip
    run.train("st-llm", tmp_path / "run", given, quiet)
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    *looks, last = asked
    assert len(looks) == 2 and looks[0] == looks[1] and len(looks[0]) == 2
    assert looks[0] != last[:2], "the first of a file are often of one film"
    assert facts["result"]["held"]["n"] == len(last) == facts["about"]["data"]["held"] > 2
    assert "The weights were chosen by" in (tmp_path / "run" / "README.md").read_text()


def test_nothing_held_out_is_said_and_measures_nothing(
    toybox: Path, parts: dict[str, str], files: dict[str, Any], tmp_path: Path
) -> None:
    given = {"source": str(toybox / "questions.jsonl"), **parts, **files, "held": 0.0, "steps": 1}
    made = run.train("st-llm", tmp_path / "run", given, quiet)
    assert made["result"]["held"] == {}
    assert "Nothing was held out." in (tmp_path / "run" / "README.md").read_text()


def test_clips_of_which_none_can_be_read_end_in_a_line(
    toybox: Path, parts: dict[str, str], files: dict[str, Any], tmp_path: Path
) -> None:
    rows = [json.loads(line) for line in (toybox / "questions.jsonl").read_text().splitlines()]
    for row in rows:
        row["clip"] = "a.mp4"
    (tmp_path / "a.mp4").write_bytes(b"no film")
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = {"source": str(tmp_path / "questions.jsonl"), **parts, **files, "steps": 3}
    with pytest.raises(InputError, match="nothing was learnt, since no clip could be read"):
        run.train("st-llm", tmp_path / "run", given, quiet)
    assert not (tmp_path / "run" / "model").exists()


def test_what_was_pretrained_learns_at_a_rate_of_its_own(
    trained: Path, toybox: Path, parts: dict[str, str], files: dict[str, Any], tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    given = {"source": str(toybox / "questions.jsonl"), **parts, **files, "steps": 2, "rate_pretrained": 1e-7}
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
    toybox: Path, parts: dict[str, str], files: dict[str, Any], eyes: str, tmp_path: Path
) -> None:
    source = rewritten(toybox, tmp_path, origin={"name": "film"})
    given = {"source": str(source), **files, "steps": 1}
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


def test_a_run_from_files_cut_off_goes_on_to_the_same_weights(
    trained: Path, toybox: Path, parts: dict[str, str], files: dict[str, Any], tmp_path: Path
) -> None:
    given = {"source": str(toybox / "questions.jsonl"), **parts, **files}
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


def test_frames_that_leave_no_room_for_words_are_refused(
    parts: dict[str, str], files: dict[str, Any], toybox: Path, tmp_path: Path
) -> None:
    given = {"source": str(toybox / "questions.jsonl"), **parts, **files, "frames": 12, "queries": 6}
    with pytest.raises(InputError, match="leave no room for words among 64 positions"):
        run.train("st-llm", tmp_path / "run", given, quiet)
