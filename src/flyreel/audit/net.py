"""Train on the test set with a small net over topics: what a sum of weights for single words cannot know.

Every text is a point in a space of topics (latent semantic analysis of its words and word pairs). The net is shown a
choice, its product with the question, how it differs from the other choices, and its length among them; one hidden
layer, a softmax over the choices of each question. On sets with a closed vocabulary of actions it finds more than
`shortcut` does. Not part of an audit unless asked for: `--probe net`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from flyreel.audit import choices as per
from flyreel.audit.fitted import control, folds_of, result, too_few
from flyreel.audit.listwise import Choosing
from flyreel.audit.probe import Result, Setting, probe
from flyreel.questions import Questions

TOPICS, HIDDEN = 150, 96
EPOCHS, BATCH, RATE, DECAY = 30, 64, 6e-3, 0.05
DROPPED_INPUT, DROPPED_HIDDEN = 0.2, 0.5
WIDEST, MOST_TEXTS = 50_000, 50_000
AT_ONCE = 2_000
"""Questions scored at once."""

CONTROL_QUESTIONS = 1_000
"""Up to so many questions the control takes every turn of the shuffled keys; beyond, two are enough."""


class Space:
    """Topics of texts. It learns from texts, never from keys; a text it has not seen is placed by its words."""

    def __init__(self, texts: Sequence[str], seed: int) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.utils.extmath import randomized_svd

        texts = [*dict.fromkeys(texts)]
        if len(texts) > MOST_TEXTS:
            texts = [texts[i] for i in np.random.default_rng(seed).permutation(len(texts))[:MOST_TEXTS]]
        self._bag = TfidfVectorizer(
            token_pattern=r"\w+", ngram_range=(1, 2), min_df=2, sublinear_tf=True, max_features=WIDEST, dtype=np.float32
        )
        # Texts of which no two share a word would leave a bag of nothing, which the vectorizer refuses.
        bag = self._bag.fit_transform([*texts, "nothing at all", "nothing at all"])
        size = min(TOPICS, min(bag.shape) - 1)
        _, _, directions = randomized_svd(bag, size, n_iter=4, random_state=seed)
        self._directions = directions.T.astype(np.float32)
        self._seen: dict[str, int] = {}
        self.points = np.zeros((0, size), np.float32)

    def at(self, texts: Sequence[str]) -> np.ndarray:
        """Where each text is, as numbers of rows of `points`."""
        new = [t for t in dict.fromkeys(texts) if t not in self._seen]
        if new:
            found = self._bag.transform(new) @ self._directions
            found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
            self._seen |= {t: len(self.points) + i for i, t in enumerate(new)}
            self.points = np.vstack([self.points, found * np.sqrt(np.float32(found.shape[1]))])
        return np.array([self._seen[t] for t in texts], dtype=int)


@dataclass(frozen=True)
class Seen:
    """A set of questions as the net sees it; columns are made for some questions at a time."""

    choosing: Choosing
    choice: np.ndarray
    question: np.ndarray
    length: np.ndarray
    points: np.ndarray

    @classmethod
    def of(cls, questions: Questions, space: Space) -> Seen:
        length = per.lengths(questions)
        ranks = [length.rank_share(r) for r in range(int(questions.sizes.max()))]
        look = np.column_stack([np.log1p(length.values), *ranks])
        look = (look - look.mean(axis=0)) / (look.std(axis=0) + 1e-9)
        choice, question = space.at(questions.flat_choices), space.at(questions.texts)
        return cls(Choosing.of(questions.sizes), choice, question, look.astype(np.float32), space.points)

    def rows(self, asked: np.ndarray) -> np.ndarray:
        """The flat choices of these questions, question by question."""
        sizes = self.choosing.sizes[asked]
        first = np.cumsum(sizes) - sizes
        return np.repeat(self.choosing.starts[asked] - first, sizes) + np.arange(sizes.sum())

    def columns(self, asked: np.ndarray, rows: np.ndarray) -> np.ndarray:
        among = Choosing.of(self.choosing.sizes[asked])
        own = self.points[self.choice[rows]]
        met = own * self.points[self.question[asked]][among.owner]
        mean = np.add.reduceat(own, among.starts, axis=0) / among.sizes[:, None].astype(np.float32)
        near = met.mean(axis=1, keepdims=True) * np.sqrt(np.float32(len(self.points[0])))
        return np.hstack([own, met, own - mean[among.owner], near, self.length[rows]])


@dataclass(frozen=True)
class Net:
    into: np.ndarray
    shift: np.ndarray
    out: np.ndarray

    def scores(self, seen: Seen, questions: np.ndarray) -> np.ndarray:
        """Of every flat choice; nought where these questions are not its own."""
        found = np.zeros(len(seen.choice))
        for asked in _batches(questions, AT_ONCE):
            rows = seen.rows(asked)
            found[rows] = np.maximum(seen.columns(asked, rows) @ self.into + self.shift, 0) @ self.out
        return found


def fit(seen: Seen, is_key: np.ndarray, train: np.ndarray, seed: int, epochs: int = EPOCHS) -> Net:
    """`train` marks questions. Adam with decoupled decay, a cosine rate, dropout on both layers."""
    random = np.random.default_rng(seed)
    usable = np.flatnonzero(train)
    width = seen.columns(usable[:1], seen.rows(usable[:1])).shape[1]
    weights = [
        (random.uniform(-1, 1, (width, HIDDEN)) / np.sqrt(width)).astype(np.float32),
        np.zeros(HIDDEN, np.float32),
        (random.uniform(-1, 1, HIDDEN) / np.sqrt(HIDDEN)).astype(np.float32),
    ]
    mean, square = ([np.zeros_like(w) for w in weights] for _ in range(2))
    steps, step = epochs * -(-len(usable) // BATCH), 0
    for _ in range(epochs):
        for asked in _batches(random.permutation(usable), BATCH):
            rate, step = RATE * (1 + np.cos(np.pi * step / steps)) / 2, step + 1
            for w, g, m, s in zip(weights, _slopes(weights, seen, is_key, asked, random), mean, square, strict=True):
                m += 0.1 * (g - m)
                s += 0.001 * (g * g - s)
                w -= rate * (m / (1 - 0.9**step) / (np.sqrt(s / (1 - 0.999**step)) + 1e-8) + DECAY * w)
    return Net(*weights)


def _slopes(
    weights: list[np.ndarray], seen: Seen, is_key: np.ndarray, asked: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, ...]:
    """Of the mean log loss over these questions, by each weight."""
    into, shift, out = weights
    rows = seen.rows(asked)
    shown = _dropped(seen.columns(asked, rows), DROPPED_INPUT, random)
    hidden = shown @ into + shift
    kept = _dropped((hidden > 0).astype(np.float32), DROPPED_HIDDEN, random)
    p = np.exp(Choosing.of(seen.choosing.sizes[asked]).log_softmax(((hidden * kept) @ out).astype(float)))
    error = ((p - is_key[rows]) / len(asked)).astype(np.float32)
    back = error[:, None] * out * kept
    return shown.T @ back, back.sum(axis=0), (hidden * kept).T @ error


def _dropped(values: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    lot = np.frombuffer(random.bytes(values.size), np.uint8).reshape(values.shape)
    return values * (lot >= 256 * share) * np.float32(1 / (1 - share))


def _batches(items: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (items[a : a + size] for a in range(0, len(items), size))


@probe("net", reads=("question", "choices", "group"))
def net(questions: Questions, setting: Setting) -> Result:
    """A small net trained on the other folds: topics of the choices, beside the question and beside each other."""
    fold = folds_of(questions, setting)
    if fold is None:
        return too_few(questions, "net", "a small net", {})
    with threadpool_limits(1):
        seen = look(questions, setting.seed)
        given = cross_fit(seen, questions.is_key, fold, setting.seed)
        shuffled = control(
            questions, setting.seed, CONTROL_QUESTIONS, lambda lots: cross_fit(seen, lots, fold, setting.seed)
        )
    solver = f"a small net over topics, trained on the other {fold.max()} folds"
    details = {"control": shuffled, "folds": int(fold.max()) + 1}
    return result(questions, given, probe="net", solver=solver, who="the net gives", details=details)


def probabilities(questions: Questions, setting: Setting) -> np.ndarray | None:
    """What the net gives each flat choice, by folds that respect groups; None for fewer than two groups. This is the
    probe without its control."""
    fold = folds_of(questions, setting)
    if fold is None:
        return None
    with threadpool_limits(1):
        return cross_fit(look(questions, setting.seed), questions.is_key, fold, setting.seed)


def look(questions: Questions, seed: int) -> Seen:
    return Seen.of(questions, Space([*questions.flat_choices, *questions.texts], seed))


def cross_fit(seen: Seen, keys: np.ndarray, fold: np.ndarray, seed: int) -> np.ndarray:
    """Probability of every flat choice, from a net that never saw its question's fold."""
    found = np.zeros(len(keys))
    for f in np.unique(fold):
        asked = np.flatnonzero(fold == f)
        scores, rows = fit(seen, keys, fold != f, seed).scores(seen, asked), seen.rows(asked)
        found[rows] = np.exp(seen.choosing.log_softmax(scores)[rows])
    return found
