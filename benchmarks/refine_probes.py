"""Three text probes that are not in the package, to hold a refined set against: plain, of a kind anyone would write."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from flyreel.audit import choices as per
from flyreel.audit import listwise
from flyreel.questions import Questions


def words(questions: Questions, fold: np.ndarray) -> np.ndarray:
    """TF-IDF of the choice, of what it shares with its question, lengths and their ranks; listwise softmax, L-BFGS."""
    chosen, asked, look = _texts(questions)
    vectors = TfidfVectorizer(min_df=2, sublinear_tf=True, ngram_range=(1, 2)).fit([*chosen, *asked])
    own, other = vectors.transform(chosen), vectors.transform(asked)
    shared = own.multiply(other)
    dense = np.column_stack([look, np.asarray(shared.sum(axis=1)).ravel()])
    dense = 0.3 * (dense - dense.mean(axis=0)) / (dense.std(axis=0) + 1e-9)
    columns = sp.csr_matrix(sp.hstack([own, shared, sp.csr_matrix(dense)]))
    choosing, turned = listwise.Choosing.of(questions.sizes), columns.T.tocsr()
    found = np.zeros(len(chosen))
    for f in np.unique(fold):
        train = (fold != f)[questions.owner].astype(float)
        key = questions.is_key * train

        def loss(w: np.ndarray, train: np.ndarray = train, key: np.ndarray = key) -> tuple[float, np.ndarray]:
            log_p = choosing.log_softmax(columns @ w)
            return float(w @ w - (log_p * key).sum()), turned @ (np.exp(log_p) * train - key) + 2 * w

        start = np.zeros(columns.shape[1])
        w = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 80}).x
        held = train == 0
        found[held] = np.exp(choosing.log_softmax(columns @ w))[held]
    return found


def letters(questions: Questions, fold: np.ndarray) -> np.ndarray:
    """Character n-grams less their mean over the choices, lengths and their ranks; binary logistic regression."""
    chosen, _, look = _texts(questions)
    grams = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True, max_features=60_000)
    columns = sp.hstack([3 * _less_mean(questions, grams.fit_transform(chosen)), _less_mean(questions, look)])
    columns = sp.csr_matrix(columns)
    found = np.zeros(len(chosen))
    for f in np.unique(fold):
        train = (fold != f)[questions.owner]
        model = LogisticRegression(max_iter=300).fit(columns[train], questions.is_key[train])
        found[~train] = model.predict_proba(columns[~train])[:, 1]
    return found


def forest(questions: Questions, fold: np.ndarray) -> np.ndarray:
    """Extremely randomised trees over the words and word pairs of the choice, lengths and their ranks."""
    chosen, _, look = _texts(questions)
    bag = TfidfVectorizer(min_df=3, sublinear_tf=True, ngram_range=(1, 2), max_features=3_000).fit_transform(chosen)
    columns = sp.csr_matrix(sp.hstack([bag, sp.csr_matrix(look)]))
    found = np.zeros(len(chosen))
    for f in np.unique(fold):
        train = (fold != f)[questions.owner]
        model = ExtraTreesClassifier(200, min_samples_leaf=3, max_features=0.1, random_state=0)
        model.fit(columns[train], questions.is_key[train])
        found[~train] = model.predict_proba(columns[~train])[:, 1]
    return found


def _texts(questions: Questions) -> tuple[list[str], list[str], np.ndarray]:
    chosen = questions.flat_choices
    asked = [questions.texts[i] for i in questions.owner]
    length = per.lengths(questions)
    ranks = [length.rank_share(r) for r in range(int(questions.sizes.max()))]
    return chosen, asked, np.column_stack([np.log1p(length.values), *ranks])


def _less_mean(questions: Questions, columns: sp.csr_matrix | np.ndarray) -> sp.csr_matrix:
    columns = sp.csr_matrix(columns)
    rows = (questions.owner, np.arange(len(questions.owner)))
    sums = sp.csr_matrix((np.ones(len(questions.owner)), rows), shape=(len(questions), len(questions.owner)))
    mean = sp.diags(1 / questions.sizes) @ (sums @ columns)
    return sp.csr_matrix(columns - mean[questions.owner])


PROBES = {"words": words, "letters": letters, "forest": forest}
