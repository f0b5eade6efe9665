"""The eyes: they learn, glances fall where they should, and a run is opened as it was trained."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.errors import InputError
from flyreel.toybox import world
from flyreel.train import run

torch = pytest.importorskip("torch")
recipe = importlib.import_module("flyreel.train.recipes.toy_eyes")
eyes = importlib.import_module("flyreel.train.toyvlm.eyes")
data = importlib.import_module("flyreel.train.toyvlm.data")

FEW = {"seed": 3, "scenes": 3, "batch": 2, "steps": 10}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("eyes") / "run"
    run.train("toy-eyes", out, FEW, lambda line: None)
    return out


def frames(number: int = 0) -> Any:
    scene = world.scene(9, number)
    return data.shown(scene, data.moments(scene.duration), 128)


def test_the_losses_fall() -> None:
    """Ten steps on one scene: whatever it does not fit a little better then, it does not learn."""
    torch.manual_seed(3)
    untrained, scene = recipe.untrained(), [frames()]
    optimiser = torch.optim.AdamW(untrained.parameters(), 3e-3)
    curve: list[dict[str, float]] = []
    for _ in range(10):
        parts = recipe.losses(untrained, scene)
        curve.append({name: float(part.detach()) for name, part in parts.items()})
        optimiser.zero_grad()
        sum(parts.values()).backward()
        optimiser.step()
    for name in curve[0]:
        assert curve[-1][name] < 0.9 * curve[0][name], name


def test_a_finished_run_is_opened_as_it_was_trained_and_frozen(trained: Path) -> None:
    one, again = recipe.load(trained), recipe.load(trained)
    x = eyes.as_input(torch.from_numpy(frames().frames))
    assert not any(p.requires_grad for p in one.parameters())
    for a, b in zip(one.seen(x, 1), again.seen(x, 1), strict=True):
        assert torch.equal(a, b)


def test_what_is_no_run_of_eyes_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run is here"):
        recipe.load(tmp_path)


def test_shares_of_what_is_seen_are_shares(trained: Path) -> None:
    """What is a character has a name, and colour, shape and size as far as it is one; a tree has none of these."""
    seen = recipe.load(trained).seen(eyes.as_input(torch.from_numpy(frames().frames)), 1)
    kinds, doings, *looks = seen.spots.split(data.SPOT_SIZES, 3)
    alive = kinds[..., : len(world.NAMES)].sum(3)
    assert torch.allclose(doings.sum(3), torch.ones_like(alive), atol=1e-4)
    for look in looks:
        assert (look.sum(3) >= alive - 1e-4).all()
    assert (seen.spots >= 0).all() and (kinds.sum(3) <= 1 + 1e-4).all()
    for row in seen.cells[0].tolist():
        assert len(set(row)) == eyes.PLACES


@given(
    st.floats(-0.2, 1.2), st.floats(-0.2, 1.2), st.sampled_from([eyes.CLOSE, eyes.WIDE]), st.integers(0, 2)
)  # fmt: skip
@settings(deadline=None)
def test_a_cut_out_is_the_frame_about_its_middle(x: float, y: float, side: int, which: int) -> None:
    """Held against slicing a frame with a wide grey border, pixel for pixel."""
    height, width = eyes.SIZE
    pictures = torch.rand(3, 3, height, width)
    cut = eyes.cut_out(pictures, torch.tensor([which]), torch.tensor([[x, y]]), side)[0]
    bordered = torch.zeros(3, height + 4 * side, width + 4 * side)
    bordered[:, 2 * side : 2 * side + height, 2 * side : 2 * side + width] = pictures[which]
    middles = torch.tensor([[x, y]])
    column, row = (middles * torch.tensor([width, height])).round().long()[0].tolist()
    column, row = min(max(column - side // 2, -side), width), min(max(row - side // 2, -side), height)
    assert torch.equal(cut, bordered[:, 2 * side + row : 3 * side + row, 2 * side + column : 3 * side + column])


def test_middles_lie_on_the_letters() -> None:
    """The cut-out about each middle that the script tells holds the character's own paint: a glance must find it."""
    from flyreel.toybox import draw

    found = asked = 0
    for number in range(12):
        made = frames(number)
        pictures = torch.from_numpy(made.frames).permute(0, 3, 1, 2)
        for i, (spots, middles) in enumerate(zip(made.spots, made.middles, strict=True)):
            for (_, kind, _, colour, *_), middle in zip(spots, middles, strict=True):
                if kind >= len(world.NAMES):
                    continue
                cut = eyes.cut_out(pictures, torch.tensor([i]), torch.tensor([middle]), eyes.CLOSE)[0].numpy()
                paint = np.array(draw.PAINT[world.COLOURS[colour]], float)
                tone = cut / np.maximum(1, np.linalg.norm(cut, axis=0))
                like = (tone * (paint / np.linalg.norm(paint))[:, None, None]).sum(0) > 0.93
                asked, found = asked + 1, found + (like[6:18, 6:18].mean() > 0.25)
    assert (
        asked > 100 and found / asked > 0.75
    )  # lamplight and dusk tint what they fall on, and some stand behind a tree


def test_measuring_counts_what_the_script_says_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eyes that see by script are right every time: so misses are the eyes', not the counting's."""

    class Perfect:
        def __init__(self) -> None:
            self.scenes = world.scenes(9, 3)

        def seen(self, frames: Any, clips: int) -> Any:
            scene = next(self.scenes)
            return data.by_script([data.shown(scene, data.moments(scene.duration), None)])

    assert recipe.measure(Perfect(), 9, 3) == {"found": 1.0, "name": 1.0, "colour": 1.0, "doing": 1.0}
