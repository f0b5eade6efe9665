"""Wrong here: questions that are asked alike lie apart, or an embedder that is not there ends in a traceback."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from flyreel.errors import InputError, MissingExtra
from flyreel.generate.templates.embed import embed, products

ASKED = [
    "why do someone laugh",
    "why do someone cry",
    "how many someone be here",
    "how many dogs be here",
    "where be it",
]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers model with random weights, as small as one can be."""
    import torch
    from sentence_transformers import SentenceTransformer

    try:
        from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    except ImportError:  # where they were before version 5
        from sentence_transformers.models import Pooling, Transformer
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("bert")
    words = ["[PAD]", "[UNK]", *sorted({w for text in ASKED for w in text.split()})]
    torch.manual_seed(0)
    shape = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    BertModel(shape).save_pretrained(folder)
    tokens = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokens.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokens, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)
    saved = tmp_path_factory.mktemp("sentences")
    part = Transformer(str(folder))
    SentenceTransformer(modules=[part, Pooling(16)], device="cpu").save(str(saved))
    return saved


def test_question_words_are_kept_and_rows_have_length_one() -> None:
    space = embed(ASKED)
    assert np.allclose(np.linalg.norm(space.points, axis=1), 1.0)
    likeness = products(space.encode(ASKED), space.encode(ASKED))
    assert likeness[0, 1] > max(likeness[0, 2:]), "two whys are further apart than a why and a how many"
    assert np.array_equal(embed(ASKED).points, space.points)


@pytest.mark.parametrize(
    "texts", [["?"], ["?", "?"], ["a"], ["a", "b"], ["one word"] * 7, [f"q{i}" for i in range(400)]]
)
def test_sets_with_hardly_a_word_have_points_too(texts: list[str]) -> None:
    space = embed(texts)
    assert len(space.points) == len(texts) and np.isfinite(space.points).all()


def test_sentence_vectors_come_from_a_folder(tiny: Path) -> None:
    space = embed(ASKED, f"st:{tiny}")
    assert space.points.shape == (len(ASKED), 16) and space.name == f"st:{tiny}"
    assert np.allclose(np.linalg.norm(space.points, axis=1), 1.0)
    assert np.allclose(space.encode(ASKED[:2]), space.points[:2], atol=1e-5)
    assert len(np.unique(space.points.round(4), axis=0)) == len(ASKED)


def test_an_embedder_that_is_not_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ("tfdif", "st:", "tfidf:3", ""):
        with pytest.raises(InputError, match="no such embedder"):
            embed(ASKED, wrong)
    with pytest.raises(InputError, match="no such folder"):
        embed(ASKED, f"st:{tmp_path}/none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="cannot be loaded") as caught:
        embed(ASKED, f"st:{tmp_path}/empty")
    assert "\n" not in str(caught.value)
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtra, match=r"flyreel\[models\]"):
        embed(ASKED, "st:any")
