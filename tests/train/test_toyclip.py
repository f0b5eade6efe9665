"""Training toyclip: it learns, the same seed learns the same, and what is trained is what inference computes."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flyreel.errors import InputError, MissingExtra
from flyreel.toybox import backdrop, draw, world
from flyreel.toybox.staging import Staging, Tableau
from flyreel.train import run
from flyreel.video.embed.toyclip import SIZE, ToyClip, padded, toyclip

torch = pytest.importorskip("torch")
recipe = importlib.import_module("flyreel.train.recipes.toyclip")

FEW = {"seed": 3, "scenes": 4, "batch": 4, "frames": 5, "steps": 15}
TEXTS = ["who jumps?", "the red star hides behind the tree", "", "Pip " * 200, "Mo is there"]


def quiet(line: str) -> None:
    pass


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], list[str]]:
    out = tmp_path_factory.mktemp("trained") / "new" / "w.safetensors"
    said: list[str] = []
    return out, run.train("toyclip", out, FEW, said.append), said


def test_the_loss_falls(trained: Any) -> None:
    """Fifteen steps on four scenes: anything that learns at all fits these a little."""
    _, made, _ = trained
    losses = [sum(v for name, v in row.items() if name != "step") for row in made["curve"]]
    assert len(losses) == 15 and all(np.isfinite(losses))
    assert np.mean(losses[-3:]) < 0.9 * np.mean(losses[:3])


def test_what_was_made_stands_beside_the_weights(trained: Any) -> None:
    out, made, said = trained
    assert sorted(p.name for p in out.parent.iterdir()) == ["w.json", "w.safetensors"]
    kept = json.loads(out.with_suffix(".json").read_text())
    assert kept == made
    assert kept["recipe"] == "toyclip" and kept["settings"] == {"rate": 2e-3, "threads": 1, **FEW}
    assert [row["step"] for row in kept["curve"]] == list(range(1, 16))
    assert said[0].startswith("  4 scenes drawn") and len(said) == 16
    assert all(line.startswith(f"  step {n}  sights ") for n, line in enumerate(said[1:], 1))
    assert out.stat().st_size <= 4_000_000 and toyclip(str(out)).parameters <= 1_500_000


def test_others_may_read_the_weights_where_files_of_this_user_are_readable(trained: Any, tmp_path: Path) -> None:
    """Packaged weights that only their owner may read fail for everybody else on the machine."""
    (tmp_path / "plain").write_bytes(b"")
    assert trained[0].stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_the_same_seed_gives_the_same_weights_and_another_others(tmp_path: Path) -> None:
    def weights(name: str, **changes: int) -> bytes:
        out = tmp_path / f"{name}.safetensors"
        run.train("toyclip", out, {**FEW, "steps": 2, "scenes": 2, **changes}, quiet)
        return out.read_bytes()

    first = weights("a")
    assert weights("b") == first
    assert weights("c", seed=4) != first


def lived_in(pictures: Any) -> Any:
    """A network that has seen these pictures: batch norms as they come mean zero and one, and hide a wrong folding."""
    torch.manual_seed(5)
    net = recipe.ToyClipNet()
    norms = (*net.image.norms, net.image.level)
    with torch.no_grad():
        for norm in norms:
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.normal_(0, 0.3)
            norm.momentum = 1.0
        for layer in (net.image.mix, net.image.head, net.text.head, *net.text.convs):
            layer.bias.normal_(0, 0.1)
        net.train().image(pictures)
    assert all(norm.running_mean.abs().max() > 0.05 and (norm.running_var - 1).abs().max() > 0.3 for norm in norms)
    return net.eval()


def test_inference_on_numpy_is_the_network_that_was_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network is written twice. Without the rounding to half precision nothing may stand between them; with it,
    a little."""
    scene = world.scene(3, 1)
    staging = Staging(scene)
    drawn = [draw.picture(scene, staging.at(float(t)), SIZE) for t in np.linspace(0, scene.duration, 6)]
    noise = np.random.default_rng(0).integers(0, 256, (3, *SIZE, 3), dtype=np.uint8)
    frames = np.concatenate([np.stack(drawn), noise])
    pictures = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 127.5 - 1
    net = lived_in(pictures)
    halved = net.weights()
    assert {w.dtype for w in halved.values()} == {np.dtype(np.float16)}
    with monkeypatch.context() as exact:
        exact.setattr(torch, "float16", torch.float32)
        whole = net.weights()
    with torch.inference_mode():
        seen, told = net.image(pictures)[0].numpy(), net.text(torch.from_numpy(padded(TEXTS))).numpy()
    for weights, most in ((whole, 1e-5), (halved, 5e-3)):
        plain = ToyClip({name: w.astype(np.float32) for name, w in weights.items()}, "")
        for here, there in ((plain.images(frames), seen), (plain.texts(TEXTS), told)):
            assert here.shape == there.shape
            assert np.abs(here - there).max() < most
    assert np.abs(seen[0] - seen[-1]).max() > 0.05, "all pictures look alike to it; nothing was compared"


def spot(tableau: Tableau, scene: world.Scene) -> list[tuple[int, int, int, int, int]]:
    class Still:
        def at(self, time: float) -> Tableau:
            return tableau

    return list(recipe.sights(scene, Still(), 0.0))


def tinted(scene: world.Scene, tableau: Tableau, size: tuple[int, int], colour: str) -> np.ndarray:
    """Where the picture has the paint of that colour in the light of the shot."""
    lit = np.array(draw.PAINT[colour], dtype=np.float32) * backdrop.lighting(tableau.shot.light, size)
    return np.abs(draw.picture(scene, tableau, size).astype(np.float32) - lit).max(axis=2) < 3


@pytest.mark.parametrize("number", range(8))
def test_the_truth_of_where_things_stand_is_where_they_are_drawn(number: int) -> None:
    """Each pose, prop and thing alone on the stage: its cell is one that it changes, in the colour it is said to be."""
    scene = world.scene(12, number)
    staging, size = Staging(scene), (144, 192)
    rows, columns = recipe.GRID
    looked = 0
    for time in np.linspace(0.05, scene.duration - 0.05, 9):
        whole = staging.at(float(time))
        bare = replace(whole, poses=(), props=(), things=())
        empty = draw.picture(scene, bare, size).astype(int)
        alone = [replace(bare, poses=(replace(p, effect=""),)) for p in whole.poses]
        alone += [replace(bare, props=(p,)) for p in whole.props] + [replace(bare, things=(t,)) for t in whole.things]
        for tableau in alone:
            for cell, kind, _, colour, shape in spot(tableau, scene):
                row, column = divmod(cell, columns)
                here = np.s_[row * 16 : row * 16 + 16, column * 16 : column * 16 + 16]
                name = recipe.KINDS[kind]
                changed = np.abs(draw.picture(scene, tableau, size) - empty).max(axis=2) > 12
                assert changed[here].any(), f"{name} is not in cell {row}, {column} at {time:.2f} s"
                looked += 1
                if name in world.NAMES:
                    assert recipe.SIGHTS[3][shape] == scene.character(name).shape
                    pose = tableau.poses[0]
                    assert recipe.SIGHTS[2][colour] == pose.colour
                    assert tinted(scene, tableau, size, pose.colour)[here].any(), f"{name} has no {pose.colour} there"
                else:
                    assert (colour, shape) == (-1, -1)
    assert looked > 30 and rows * 16 == size[0]


def test_whoever_does_something_is_said_to_do_it_and_nobody_else() -> None:
    for scene in world.scenes(12, 12):
        staging = Staging(scene)
        for event in scene.events:
            middle = (event.start + event.end) / 2
            doing = {
                recipe.KINDS[s[1]]: recipe.DOINGS[s[2]] for s in recipe.sights(scene, staging, middle) if s[2] >= 0
            }
            acting = {name: what for name, what in doing.items() if what}
            expected = {event.actor: event.verb}
            if event.target in world.NAMES:
                expected[event.target] = f"{event.verb}, suffered"
            assert acting == {name: what for name, what in expected.items() if name in doing}
            assert doing.keys() <= {c.name for c in scene.cast}
            assert event.actor in doing or event.verb in (world.ENTERS, world.LEAVES)


def test_nothing_is_seen_outside_the_picture() -> None:
    assert recipe._cell(-0.01, 0.5) == recipe._cell(1.0, 0.5) == recipe._cell(0.5, 1.0) == -1
    assert recipe._cell(0.0, 0.0) == 0
    assert recipe._cell(0.999, 0.999) == recipe.GRID[0] * recipe.GRID[1] - 1
    assert recipe._cell(0.5, -0.01) == -1, "above the picture is not its first row"


@pytest.mark.parametrize(
    ("name", "out", "says"),
    [
        ("toyclop", "w.safetensors", "no such recipe. Did you mean toyclip"),
        ("toyclip", "w.bin", "end the name so"),
        ("toyclip", "file/w.safetensors", "cannot write there"),
    ],
)
def test_a_slip_is_one_line_before_any_work(tmp_path: Path, name: str, out: str, says: str) -> None:
    (tmp_path / "file").write_text("not a folder")
    said: list[str] = []
    with pytest.raises(InputError, match=says) as caught:
        run.train(name, tmp_path / out, {"steps": 1, "scenes": 2}, said.append)
    assert "\n" not in str(caught.value) and said == []
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_without_torch_there_is_one_line_that_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: None)
    with pytest.raises(MissingExtra, match=r"pip install 'flyreel\[models\]'"):
        run.train("toyclip", tmp_path / "w.safetensors", {}, quiet)
    assert not list(tmp_path.iterdir())
