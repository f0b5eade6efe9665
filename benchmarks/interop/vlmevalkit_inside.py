"""The part of vlmevalkit.py that runs in VLMEvalKit's own interpreter; it is started from there.

    VENV/bin/python vlmevalkit_inside.py KIT MADE QUESTIONS HOSTILE

`vlmeval` and `vlmeval.dataset` are given their folders and not their __init__, which imports every benchmark there is.
All classes are the kit's own files.
"""

import json
import sys
import types
from pathlib import Path

LETTERS = "ABCDEFGH"
KINDS = ["right", "wrong", "unread", "failed"]
WAYS = ["{}", "({})", "The answer is {}.", "**Answer:** {}"]


def open_kit(kit, made):
    sys.path[:0] = [kit, made]
    for name in ("vlmeval", "vlmeval.dataset"):
        package = types.ModuleType(name)
        package.__path__ = [str(Path(kit, *name.split(".")))]
        sys.modules[name] = package


def rows_of(file):
    """Split at line feeds only: a text may hold other things that Python takes for the end of a line."""
    return [json.loads(line) for line in Path(file).read_text(encoding="utf-8").split("\n") if line]


def with_videos(rows):
    from flyreel_toy_dataset import flyreel_toyDataset as toyDataset
    from vlmeval.dataset.video_base import VideoBaseDataset

    whole = toyDataset()
    prompts = [whole.build_prompt(i, video_llm=True) for i in range(len(whole))]
    texts = [prompt[-1]["value"] for prompt in prompts]
    return {
        "real": issubclass(toyDataset, VideoBaseDataset) and VideoBaseDataset.__module__,
        "questions": len(whole),
        "videos": sum([m["type"] for m in p] == ["video", "text"] and Path(p[0]["value"]).is_file() for p in prompts),
        "worded": sum(
            row["question"] in text and all(choice in text for choice in row["choices"])
            for row, text in zip(rows, texts, strict=True)
        ),
        "prompt": texts[0],
    }


def with_frames():
    import numpy as np
    from flyreel_toy_dataset import flyreel_toyDataset as toyDataset
    from PIL import Image

    frames = toyDataset(nframe=4)
    prompts = [frames.build_prompt(frames.data.iloc[i]) for i in range(len(frames))]
    pictures = {m["value"]: np.asarray(Image.open(m["value"])) for p in prompts for m in p[:-1]}
    return {
        "four frames": sum([m["type"] for m in p] == ["image"] * 4 + ["text"] for p in prompts),
        "pictures": len(pictures),
        "flat pictures": sum(bool(picture.std() < 1) for picture in pictures.values()),
        "shapes": sorted({picture.shape for picture in pictures.values()}),
        "one a second": [m["type"] for m in toyDataset(fps=1).build_prompt(0)].count("image"),
    }


def scores(made):
    """A file of replies of known truth, as the kit writes it, in two of its containers."""
    from flyreel_toy_dataset import flyreel_toyDataset as toyDataset

    data = toyDataset()
    said, told = data.data.copy(), {}
    plan = [KINDS[i % 4] if i % 4 > 1 else KINDS[i % 8 == 1] for i in range(len(said))]
    said["prediction"] = [
        {
            "right": WAYS[i % 4].format(key),
            "wrong": LETTERS[(LETTERS.index(key) + 1) % 2],
            "unread": "I cannot tell from these pictures",
            "failed": data.INFER_FAIL_MARKERS[0],
        }[kind]
        for i, (kind, key) in enumerate(zip(plan, said["answer"], strict=True))
    ]
    said.to_excel(made / "model_toy.xlsx", index=False)
    said.to_csv(made / "model_toy.tsv", sep="\t", index=False)
    for ending in ("xlsx", "tsv"):
        told[f"rating {ending}"] = data.evaluate(str(made / f"model_toy.{ending}"), model="exact_matching")
    n = {kind: plan.count(kind) for kind in KINDS}
    came = len(plan) - n["failed"]
    told["known"] = {"Overall": n["right"] / came, "unread": n["unread"] / came, "failed": n["failed"] / len(plan)}
    told["primary"] = data.report_primary_metric(told["rating xlsx"])
    return told


def blind(rows, made):
    from vlmeval.dataset.text_mcq import CustomTextMCQDataset

    data = CustomTextMCQDataset(dataset="flyreel_toy_blind")
    texts = [data.build_prompt(i)[0]["value"] for i in range(len(data))]
    always = data.data.copy()
    always["prediction"] = "B"
    always.to_excel(made / "model_toy_blind.xlsx", index=False)
    rating = data.evaluate(str(made / "model_toy_blind.xlsx"), model="exact_matching", nproc=1)
    return {
        "blind": len(data),
        "blind worded": sum(
            row["question"] in text
            and all(f"{LETTERS[i]}. {choice}\n" in text for i, choice in enumerate(row["choices"]))
            and text.count("\n") == 3 + len(row["choices"])
            for row, text in zip(rows, texts, strict=True)
        ),
        "blind prompt": texts[0],
        "blind B": float(rating["Overall"].iloc[0]),
        "blind B known": sum(row["answer"] == 1 for row in rows) / len(rows),
    }


def hostile(rows, made):
    from flyreel_hard_dataset import flyreel_hardDataset as hardDataset
    from flyreel_hard_dataset import options
    from vlmeval.dataset.text_mcq import CustomTextMCQDataset

    data = hardDataset()
    lines = [data.data.iloc[i] for i in range(len(data))]
    plain = CustomTextMCQDataset(dataset="flyreel_hard_blind")
    texts = [plain.build_prompt(i)[0]["value"] for i in range(len(plain))]
    always = data.data.copy()
    always["prediction"] = "A"
    always.to_csv(made / "model_hard.tsv", sep="\t", index=False)
    rating = data.evaluate(str(made / "model_hard.tsv"), model="exact_matching")
    called = sorted({row["category"] for row in rows})
    of = {name: [row["answer"] == 0 for row in rows if row["category"] == name] for name in called}
    known = {"Overall": sum(row["answer"] == 0 for row in rows) / len(rows), "unread": 0.0, "failed": 0.0}
    known |= {f"category: {name}": sum(right) / len(right) for name, right in of.items()}
    return {
        "by rating": {name: float(value) for name, value in rating.items()},
        "by rating known": known,
        "hostile": sum(
            line["question"] == row["question"]
            and options(line) == row["choices"]
            and [c.split(". ", 1)[1] for c in eval(line["candidates"])] == row["choices"]
            for row, line in zip(rows, lines, strict=True)
        ),
        "hostile blind": sum(
            all(
                f"{LETTERS[i]}. {c}\n" in text or f'{LETTERS[i]}. "{c}"\n' in text for i, c in enumerate(row["choices"])
            )
            for row, text in zip(rows, texts, strict=True)
        ),
    }


def main(kit, made, questions, hard):
    open_kit(kit, made)
    import decord
    import pandas

    rows = rows_of(questions)
    told = {"versions": {"python": sys.version.split()[0], "pandas": pandas.__version__, "decord": decord.__version__}}
    told |= (
        with_videos(rows)
        | with_frames()
        | scores(Path(made))
        | blind(rows, Path(made))
        | hostile(rows_of(hard), Path(made))
    )
    print("TOLD " + json.dumps(told, default=str))


if __name__ == "__main__":
    main(*sys.argv[1:])
