"""lmms-eval itself on a folder that flyreel wrote: both tasks, from its command line, offline, on the CPU.

    python benchmarks/interop/lmms_eval.py --python LMMS_EVAL_VENV/bin/python

A toybox is made, exported, and the folder moved; lmms-eval is then started elsewhere with its own dummy model, which
decodes frames of every video and always says the same. Bars: its accuracy is the share of questions with that key, a
reply without a letter is unread and not only wrong, and with frames asked for every video was decoded.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common import bars, head, table

from flyreel.formats.base import read
from flyreel.formats.exporting import Request, run
from flyreel.tables import write_jsonl

NAME = "toy"
HOSTILE = [
    "2001-01-01", "None", "1.50", "it's", '"quoted"', "tab\there", "line\nbreak", "\\", "{{ x }}", "{% raw %}",
    "日本語", "🎬", "x\u2028y", "!function utils.share", "- a: b", "'] + [exit()] + ['",
]  # fmt: skip
REPLIES = {"B": "B", "in words": "The answer is **C**.", "no letter": "hard to say"}


def toybox(folder: Path, clips: int) -> Path:
    flyreel = Path(sys.executable).with_name("flyreel")
    command = [flyreel, "toybox", "-o", folder, "--clips", str(clips)]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "questions.jsonl"


def offline(home: Path) -> dict[str, str]:
    asked = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HOME": str(home)}
    return {
        **os.environ,
        **asked,
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "TOKENIZERS_PARALLELISM": "false",
    }


def evaluate(python: str, tasks: Path, videos: Path, home: Path, reply: str) -> tuple[dict[str, Any], str, list[Any]]:
    """All that it wrote, the table that it printed, and the first prompt of either task."""
    home.mkdir(parents=True)
    arguments = f"response={reply},decode_num_frames=4,metrics_output_path={home / 'frames.json'}"
    command = [python, "-m", "lmms_eval", "--model", "dummy", "--model_args", arguments, "--tasks",
               f"{NAME},{NAME}_blind", "--include_path", str(tasks), "--batch_size", "1", "--device", "cpu",
               "--output_path", str(home / "out"), "--log_samples"]  # fmt: skip
    env = {**offline(home.parent / "hf"), "FLYREEL_VIDEO_ROOT": str(videos)}
    done = subprocess.run(command, cwd=home, env=env, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"lmms-eval ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-5000:]}")
    (results,) = (home / "out").rglob("*_results.json")
    samples = sorted((home / "out").rglob("*_samples_*.jsonl"), key=lambda path: len(path.name))
    prompts = [json.loads(path.read_text(encoding="utf-8").split("\n", 1)[0])["input"] for path in samples]
    return json.loads(results.read_text()), done.stdout[done.stdout.find("|  Tasks") :], prompts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True, help="an interpreter that has lmms_eval")
    parser.add_argument("--clips", type=int, default=6)
    given = parser.parse_args()
    said = "from importlib.metadata import version as v; print(v('lmms_eval'), v('datasets'), v('torch'))"
    versions = subprocess.run([given.python, "-c", said], check=True, capture_output=True, text=True).stdout.split()
    head("interop/lmms_eval", clips=given.clips, lmms_eval=versions[0], datasets=versions[1], torch=versions[2])

    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        file = toybox(here / "toybox", given.clips)
        done, _ = run(Request(to="lmms-eval", file=file, out=here / "made", name=NAME))
        for line in done.notes:
            print(f"  note      {line}")
        tasks = here / "elsewhere" / "tasks"
        tasks.parent.mkdir()
        done.out.rename(tasks)
        questions = read(file).questions
        back = read(next((tasks / "data").glob("*.jsonl"))).questions
        rows, checks = [], [("its data reads back as the same questions", back.ids == questions.ids)]
        for n, (title, reply) in enumerate(REPLIES.items()):
            whole, printed, prompts = evaluate(given.python, tasks, here / "toybox" / "clips", here / f"run{n}", reply)
            if not n:
                print("\n  what it printed with the reply B\n\n" + printed)
                for title_of, text in zip(("seen", "blind"), prompts, strict=True):
                    print(f"  the first prompt, {title_of}\n\n{text}\n")
                checks.append(
                    (
                        "the blind prompt has no subtitles, the other has",
                        "Subtitles" in prompts[0] and "Subtitles" not in prompts[1],
                    )
                )
            results, counts = whole["results"], whole["n-samples"]
            letter = {"B": 1, "in words": 2}.get(title)
            truth = float((questions.answer == letter).mean()) if letter is not None else 0.0
            for task in (NAME, f"{NAME}_blind"):
                got, unread = results[task]["accuracy,none"], results[task]["unread,none"]
                error = results[task]["accuracy_stderr_clustered,none"]
                samples = counts[task]["effective"]
                rows.append((title, task, samples, f"{got:.4f}", f"{truth:.4f}", f"{unread:.4f}", f"{error:.4f}"))
                met = abs(got - truth) < 1e-9 and unread == float(letter is None) and samples == len(questions)
                checks.append((f"{title}, {task}: accuracy {got:.4f}, known {truth:.4f}; unread {unread:.4f}", met))
            if not n:
                checks += by_category(results, questions)
        checks.append(unharmed(given.python, here))
        frames = json.loads((here / "run0" / "frames.json").read_text())
        decoded, n = frames["decoded_frames"], len(questions)
        met = decoded == 4 * n == 4 * frames["local"] and not frames["missing"]
        checks.append((f"{decoded} frames of {frames['local']} videos decoded, 4 for each of {n} questions", met))
        print(f"  decoding   {json.dumps({k: frames[k] for k in ('resolved', 'local', 'missing', 'decoded_frames')})}")
        print()
    table(("reply", "task", "samples", "accuracy", "known", "unread", "clustered error"), rows)
    return bars(*checks)


def unharmed(python: str, here: Path) -> tuple[str, bool]:
    """Texts that a loader, a YAML or a template could take for something else, as they are in the prompts it logged.

    Every group is a date and so is every choice of the first question: a loader that guesses makes times of them.
    """
    rows = [
        {"id": f"h{i}", "question": f"Which is {text}?", "choices": [text, "2002-02-02", "third"], "answer": i % 3,
         "group": f"2001-01-{i + 1:02d}", "category": text}
        for i, text in enumerate(HOSTILE)
    ]  # fmt: skip
    done, _ = run(
        Request(
            to="lmms-eval", file=write_jsonl(here / "hard.jsonl", rows), out=here / "hard", name=NAME, title="'\"🎬: #"
        )
    )
    home = here / "hard run"
    evaluate(python, done.out, here, home, "A")
    (samples,) = (home / "out").rglob("*_samples_toy.jsonl")
    prompts = [json.loads(line)["input"] for line in samples.read_text(encoding="utf-8").split("\n") if line]
    kept = sum(
        f"Question: {row['question']}\nA. {row['choices'][0]}\nB. 2002-02-02\nC. third\n" in prompt
        for row, prompt in zip(rows, prompts, strict=True)
    )
    return f"{kept} of {len(rows)} hostile questions stand in the prompts as they were", kept == len(rows)


def by_category(results: dict[str, Any], questions: Any) -> list[tuple[str, bool]]:
    """The accuracy of each category against the share of its questions with the key B."""
    rows = questions.to_rows()
    checks = []
    for category in sorted({row["category"] for row in rows}):
        right = [row["answer"] == 1 for row in rows if row["category"] == category]
        got = results[NAME][f"accuracy_{category.casefold().replace(' ', '_')},none"]
        known = sum(right) / len(right)
        checks.append((f"{category}: {got:.4f}, known {known:.4f}", abs(got - known) < 1e-9))
    return checks


if __name__ == "__main__":
    sys.exit(main())
