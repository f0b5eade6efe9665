"""What st-llm sees with, opened from a folder and saved into one."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from flyreel.errors import InputError

pytest.importorskip("torch")
pytest.importorskip("transformers")
vision = importlib.import_module("flyreel.train.st_llm.vision")


def test_an_encoder_is_saved_without_a_word(
    parts: dict[str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = vision.open_vision(parts["vision"])
    capfd.readouterr()
    found.save(tmp_path)
    assert capfd.readouterr() == ("", "")


def test_a_layer_that_the_encoder_lacks_is_refused(parts: dict[str, str]) -> None:
    for layer in (-9, 4):
        with pytest.raises(InputError, match=rf"clip_layer={layer}: .* has 3 layers"):
            vision.open_vision(parts["vision"], layer)
    assert vision.open_vision(parts["vision"], -4).features(np.zeros((1, 28, 28, 3), np.uint8)).shape == (1, 5, 32)
