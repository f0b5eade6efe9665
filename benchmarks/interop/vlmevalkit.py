"""VLMEvalKit's own classes on files that flyreel wrote: prompts with videos and with frames, scores, the blind form.

    python benchmarks/interop/vlmevalkit.py --python VENV/bin/python --kit VLMEVALKIT_CHECKOUT

A toybox is made and exported. In the other interpreter the exported class stands on the kit's real VideoBaseDataset and
the blind TSV is loaded by its real CustomTextMCQDataset. The kit's package `vlmeval.dataset` imports every benchmark it
has, with torchvision and more, when it is opened; only that list of imports is passed by, and nothing is put in the
place of a class. Bars: a prompt for every question, four real frames for each, the accuracy that was planted.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common import bars, head

from flyreel.formats.base import read
from flyreel.formats.exporting import Request, run
from flyreel.tables import write_jsonl

NAME = "toy"
RATINGS = ("Overall", "unread", "failed")

HOSTILE = [
    "None", "nan", "1.50", "007", "True", "it's", '"quoted"', "tab\there", "line\nbreak", "line\r\nbreak", "a, b", "\\",
    "'] + [__import__('os').getcwd()] + ['", "A. x", "2001-01-01", "日本語", "🎬", "{{ x }}", "{% raw %}", "x\u2028y",
]  # fmt: skip


def toybox(folder: Path, clips: int) -> Path:
    flyreel = Path(sys.executable).with_name("flyreel")
    subprocess.run([flyreel, "toybox", "-o", folder, "--clips", str(clips)], check=True, capture_output=True)
    return folder / "questions.jsonl"


def hostile(folder: Path) -> Path:
    """Questions whose texts a reader that guesses, or a list read with eval, could take for something else; their
    categories are called as what the class prints beside them."""
    rows = [
        {
            "id": f"h{i}",
            "question": f"Which is {text}",
            "choices": [text, f"{i}.0", "third"],
            "answer": i % 3,
            "category": RATINGS[i % 4 % 3],
        }
        for i, text in enumerate(HOSTILE)
    ]
    return write_jsonl(folder / "hard.jsonl", rows)


def inside(python: str, kit: Path, made: Path, *others: Path, videos: Path) -> dict[str, Any]:
    env = {**os.environ, "LMUData": str(made), "FLYREEL_VIDEO_ROOT": str(videos), "OMP_NUM_THREADS": "1",
           "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1", "PRED_FORMAT": "xlsx"}  # fmt: skip
    script = Path(__file__).with_name("vlmevalkit_inside.py")
    command = [python, str(script), str(kit.resolve()), str(made), *map(str, others)]
    done = subprocess.run(command, cwd=made, env=env, capture_output=True, text=True)
    told = [line for line in done.stdout.splitlines() if line.startswith("TOLD ")]
    if done.returncode or not told:
        sys.exit(f"VLMEvalKit ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-5000:]}")
    return json.loads(told[0].removeprefix("TOLD "))


def close(got: dict[str, float], known: dict[str, float]) -> bool:
    return all(abs(got[name] - value) < 1e-9 for name, value in known.items())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True, help="an interpreter that has what VLMEvalKit's base classes import")
    parser.add_argument("--kit", type=Path, required=True, help="a checkout of VLMEvalKit")
    parser.add_argument("--clips", type=int, default=6)
    given = parser.parse_args()
    head("interop/vlmevalkit", clips=given.clips)

    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        file = toybox(here / "toybox", given.clips)
        done, _ = run(Request(to="vlmevalkit", file=file, out=here / "made", name=NAME))
        for line in done.notes:
            print(f"  note      {line}")
        questions = read(file).questions
        plain = write_jsonl(here / "plain.jsonl", questions.to_rows())
        hard, _ = run(Request(to="vlmevalkit", file=hostile(here), out=here / "hard", name="hard"))
        for path in hard.files:
            shutil.copy(path, done.out)
        others = plain, here / "hard.jsonl"
        told = inside(given.python, given.kit, done.out, *others, videos=here / "toybox" / "clips")
        back = read(done.out / f"flyreel_{NAME}.tsv").questions
        blind = read(done.out / f"flyreel_{NAME}_blind.tsv").questions
    n = len(questions)
    for name in ("versions", "prompt", "blind prompt", "shapes", "rating xlsx", "known", "primary"):
        print(f"\n  {name}\n\n{told[name] if isinstance(told[name], str) else json.dumps(told[name])}")
    print()
    return bars(
        (f"the base class is the kit's own: {told['real']}", told["real"] == "vlmeval.dataset.video_base"),
        (f"{told['questions']} questions, {n} were exported", told["questions"] == n == told["blind"]),
        (f"{told['videos']} prompts with their video, {told['worded']} with question and options",
         told["videos"] == n == told["worded"]),
        (f"{told['four frames']} prompts with four frames; {told['pictures']} pictures, {told['flat pictures']} flat",
         told["four frames"] == n and told["pictures"] == 4 * given.clips and not told["flat pictures"]),
        (f"at one frame a second {told['one a second']} frames", told["one a second"] > 1),
        ("from an Excel file the known rating", close(told["rating xlsx"], told["known"])),
        ("from a TSV the known rating", close(told["rating tsv"], told["known"])),
        (f"{told['blind worded']} blind prompts with question and options, and no more", told["blind worded"] == n),
        (f"blind, always B: {told['blind B']:.4f}, known {told['blind B known']:.4f}",
         abs(told["blind B"] - told["blind B known"]) < 1e-9),
        (f"{told['hostile']} of {len(HOSTILE)} hostile questions as they were, read by the class and by eval",
         told["hostile"] == len(HOSTILE)),
        (f"{told['hostile blind']} of {len(HOSTILE)} hostile blind ones with every option",
         told["hostile blind"] == len(HOSTILE)),
        (f"always A, categories called {', '.join(RATINGS)}: {json.dumps(told['by rating'])}",
         close(told["by rating"], told["by rating known"])),
        ("both TSVs read back as the same questions", all(
            (got.ids, got.texts, got.flat_choices, got.answer.tolist())
            == (questions.ids, questions.texts, questions.flat_choices, questions.answer.tolist())
            for got in (back, blind)
        )),
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
