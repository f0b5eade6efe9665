"""Questions that could not be shown, over a run that was cut off."""

from __future__ import annotations

import json

from flyreel.train.video_chat.left_out import LeftOut


def test_what_was_left_out_before_a_run_was_cut_off_is_counted_once() -> None:
    before, after = LeftOut({"a": "too-long", "b": "empty"}, {"c": "empty"}), LeftOut({"b": "empty"})
    after.load_state_dict(json.loads(json.dumps(before.state_dict())))
    assert after.counts() == {"train": {"too-long": 1, "empty": 1}, "held": {"empty": 1}}
