"""A toybox on disk: clips as video files, and what is true of them as canonical JSONL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flyreel.clips import Clips
from flyreel.schema import Clip, Cue, Span
from flyreel.tables import writable, write_jsonl
from flyreel.toybox import world
from flyreel.toybox.questions import questions
from flyreel.toybox.render import SIZE, render, size_of
from flyreel.toybox.telling import caption, captions, cues
from flyreel.toybox.world import Scene


@dataclass(frozen=True)
class Plan:
    """Everything a toybox depends on, apart from the versions of the encoder."""

    seed: int = 7
    clips: int = 24
    questions: int = 4
    faults: float = 0.0
    kinds: tuple[str, ...] = ()
    noise: str | None = None
    noise_rate: float = 0.4
    width: int = SIZE[1]
    kind: str = "mp4"


def make(plan: Plan, folder: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> dict[str, Any]:
    """clips/, clips.jsonl, captions.jsonl and questions.jsonl in the folder; the counts."""
    scenes = list(world.scenes(plan.seed, plan.clips))
    size = size_of(plan.width)
    asked = questions(plan.seed, plan.clips, plan.questions, plan.faults, plan.kinds)
    told = captions(scenes, plan.noise, plan.noise_rate, plan.seed)
    writable(folder)
    clips = []
    for done, scene in enumerate(scenes, 1):
        path = render(scene, folder / "clips" / f"{scene.id}.{plan.kind}", size)
        clips.append(clip_of(scene, path.relative_to(folder), size))
        progress(done, len(scenes))
    write_jsonl(folder / "clips.jsonl", Clips.from_models(clips).to_rows())
    write_jsonl(folder / "captions.jsonl", [{k: v for k, v in vars(c).items() if v is not None} for c in told])
    write_jsonl(folder / "questions.jsonl", asked.to_rows())
    return {
        "folder": str(folder),
        "seed": plan.seed,
        "clips": len(clips),
        "seconds": round(sum(s.duration for s in scenes), 1),
        "questions": len(asked),
        "faults": sum("meta" in row for row in asked.to_rows()),
        "wrong_captions": sum(c.noise is not None for c in told),
    }


def clip_of(scene: Scene, path: Path, size: tuple[int, int]) -> Clip:
    """The clip with its cues, its gold caption and its true shots."""
    whole = Cue(start=0.0, end=scene.duration, kind="caption", text=caption(scene))
    frames = round(scene.duration * scene.fps)
    return Clip(
        id=scene.id, path=str(path), duration=frames / scene.fps, fps=scene.fps, frames=frames, height=size[0],
        width=size[1], shots=tuple(Span(start=s.start, end=s.end) for s in scene.shots),
        cues=(*cues(scene), whole), group=scene.film,
    )  # fmt: skip
