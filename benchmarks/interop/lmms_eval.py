"""lmms-eval itself on a folder that flyreel wrote: both tasks, from its command line, offline, on the CPU.

    python benchmarks/interop/lmms_eval.py --python LMMS_EVAL_VENV/bin/python

A toybox is made, exported, and the folder moved; lmms-eval is then started elsewhere with its own dummy model, which
decodes frames of every video and always says the same. Bars: its accuracy is the share of questions with that key, a
reply without a letter is unread and not only wrong, with frames asked for every video was decoded, and questions whose
texts, ids, groups, categories and clips look like something else (dates above all) come out as they were.
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

from common import bars, head, table

from flyreel.formats.base import read
from flyreel.formats.exporting import Request, run
from flyreel.formats.lmms_eval import category_metrics
from flyreel.tables import write_jsonl

NAME = "mvbench"
"""Called as a task of its own, whose numbers nobody must get."""
TASK = f"flyreel_{NAME}"
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
               f"{TASK},{TASK}_blind", "--include_path", str(tasks), "--batch_size", "1", "--device", "cpu",
               "--output_path", str(home / "out"), "--log_samples"]  # fmt: skip
    env = {**offline(home.parent / "hf"), "FLYREEL_VIDEO_ROOT": str(videos)}
    done = subprocess.run(command, cwd=home, env=env, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"lmms-eval ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-5000:]}")
    (results,) = (home / "out").rglob("*_results.json")
    samples = sorted((home / "out").rglob("*_samples_*.jsonl"), key=lambda path: len(path.name))
    prompts = [json.loads(path.read_text(encoding="utf-8").split("\n", 1)[0])["input"] for path in samples]
    printed = [line for line in done.stdout.splitlines() if line.startswith("|")]
    return json.loads(results.read_text()), "\n".join(printed), prompts


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
        back = read(tasks).questions
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
            for task in (TASK, f"{TASK}_blind"):
                got, unread = results[task]["accuracy,none"], results[task]["unread,none"]
                error = results[task]["accuracy_stderr_clustered,none"]
                samples = counts[task]["effective"]
                rows.append((title, task, samples, f"{got:.4f}", f"{truth:.4f}", f"{unread:.4f}", _decimal(error)))
                met = abs(got - truth) < 1e-9 and unread == float(letter is None) and samples == len(questions)
                checks.append((f"{title}, {task}: accuracy {got:.4f}, known {truth:.4f}; unread {unread:.4f}", met))
            if not n:
                checks += by_category(results, questions)
        video = next((here / "toybox" / "clips").glob("*.mp4"))
        for what, hard in (("hostile", hostile()), ("dated", dated())):
            checks += unharmed(given.python, here / what, hard, video)
        frames = json.loads((here / "run0" / "frames.json").read_text())
        decoded, n = frames["decoded_frames"], len(questions)
        met = decoded == 4 * n == 4 * frames["local"] and not frames["missing"]
        checks.append((f"{decoded} frames of {frames['local']} videos decoded, 4 for each of {n} questions", met))
        print(f"  decoding   {json.dumps({k: frames[k] for k in ('resolved', 'local', 'missing', 'decoded_frames')})}")
        print()
    table(("reply", "task", "samples", "accuracy", "known", "unread", "clustered error"), rows)
    return bars(*checks)


def hostile() -> list[dict[str, Any]]:
    """Texts that a YAML, a template or a reader of lines could take for something else."""
    return [
        {"id": f"h{i} {text}", "question": f"Which is {text}?", "choices": [text, "2002-02-02", "third"],
         "answer": i % 3, "group": text, "category": text}
        for i, text in enumerate(HOSTILE)
    ]  # fmt: skip


def dated() -> list[dict[str, Any]]:
    """A date wherever a question has a name: a loader that guesses makes times of such a column."""
    return [
        {"id": f"2024-04-{i + 1:02d}", "question": "2024-01-01", "choices": ["2002-02-02", "2003-03-03", "third"],
         "answer": i % 3, "clip": f"2024-05-{i + 1:02d}", "group": f"2024-06-{i + 1:02d}",
         "category": f"2024-07-0{i % 3 + 1}"}
        for i in range(12)
    ]  # fmt: skip


def unharmed(python: str, here: Path, rows: list[dict[str, Any]], video: Path) -> list[tuple[str, bool]]:
    """The prompts, ids and groups that it logged, the accuracies of categories that it printed, and the videos."""
    here.mkdir()
    file = write_jsonl(here / "hard.jsonl", rows)
    for row in rows:
        if "clip" in row:
            shutil.copy(video, here / f"{row['clip']}.mp4")
    done, _ = run(Request(to="lmms-eval", file=file, out=here / "hard", name=NAME, title="'\"🎬: #"))
    rows = read(file).questions.to_rows()
    whole, _, _ = evaluate(python, done.out, here, here / "run", "A")
    (samples,) = (here / "run" / "out").rglob(f"*_samples_{TASK}.jsonl")
    logged = [json.loads(line) for line in samples.read_text(encoding="utf-8").split("\n") if line]
    n, word = len(rows), here.name

    def asked(row: dict[str, Any]) -> str:
        return f"Question: {row['question']}\n" + "".join(
            f"{letter}. {choice}\n" for letter, choice in zip("ABC", row["choices"], strict=True)
        )

    pairs = list(zip(rows, logged, strict=True))
    worded = sum(asked(row) in line["input"] for row, line in pairs)
    named = sum((line["accuracy"]["id"], line["accuracy"]["group"]) == (row["id"], row["group"]) for row, line in pairs)
    metrics, right = category_metrics(row["category"] for row in rows), 0
    for category, metric in metrics.items():
        key = [row["answer"] == 0 for row in rows if row["category"] == category]
        right += abs(whole["results"][TASK][f"{metric},none"] - sum(key) / len(key)) < 1e-9
    checks = [
        (f"{worded} of {n} {word} questions stand in the prompts as they were", worded == n),
        (f"{named} of {n} {word} questions logged with their id and group", named == n),
        (f"{right} of {len(metrics)} {word} categories have the known accuracy", right == len(metrics)),
    ]
    if "clip" in rows[0]:
        found = json.loads((here / "run" / "frames.json").read_text())
        met = found["decoded_frames"] == 4 * n and not found["missing"]
        checks.append((f"{found['decoded_frames']} frames of {found['local']} {word} clips, 4 for each of {n}", met))
    return checks


def _decimal(value: Any) -> str:
    """The harness says N/A of the error where there is one group."""
    return value if isinstance(value, str) else f"{value:.4f}"


def by_category(results: dict[str, Any], questions: Any) -> list[tuple[str, bool]]:
    """The accuracy of each category against the share of its questions with the key B."""
    rows = questions.to_rows()
    checks = []
    for category in sorted({row["category"] for row in rows}):
        right = [row["answer"] == 1 for row in rows if row["category"] == category]
        got = results[TASK][f"accuracy_{category.casefold().replace(' ', '_')},none"]
        known = sum(right) / len(right)
        checks.append((f"{category}: {got:.4f}, known {known:.4f}", abs(got - known) < 1e-9))
    return checks


if __name__ == "__main__":
    sys.exit(main())
