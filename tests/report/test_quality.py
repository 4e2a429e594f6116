"""What the report says of good and of bad synthetic rows, of few rows, and of wrong calls."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError

from ganaug import (
    ConfigError,
    GANAugmenter,
    GanaugWarning,
    History,
    ImageOptions,
    InvalidInputError,
    InvalidTypeError,
    Report,
    SchemaDriftError,
    quality_report,
)
from ganaug.report import data as report_data
from ganaug.report.advice import advise
from ganaug.report.findings import EVERY_CLASS, MEASURES, Finding
from tests.report.support import blobs, drawn_from, few_digits, judged, mixed_table

RARE = "fr<u>d"


def quick(**options: Any) -> GANAugmenter:
    return GANAugmenter(**{"max_steps": 3, "random_state": 0, **options})


def verdicts(report: Report, label: Any = 1) -> dict[str, str]:
    return {f.key: f.verdict for f in report.findings if f.label == label}


def values(report: Report, label: Any = 1) -> dict[str, float]:
    return {f.key: f.value for f in report.findings if f.label == label}


# --- good and bad rows ---------------------------------------------------------------------------


def test_fresh_real_rows_are_as_real():
    fresh = blobs(4000, 2)
    report = judged(lambda X, y, label, n: drawn_from(*fresh, label, n))
    alike = verdicts(report)
    two = ("c2st_auc", "column_shapes", "pair_trends", "coverage", "copy_rate", "memorisation")
    assert {alike[key] for key in two} == {"as real"}
    assert alike["tstr_f1"] != "worse"
    assert 0.35 < values(report)["c2st_auc"] < 0.65
    assert not [advice for advice in report.advice if advice.level == "bad"]


def test_copies_are_found():
    """Rows copied from the training set are called copies."""
    report = judged(drawn_from)
    found = values(report)
    assert found["copy_rate"] == 1.0
    assert found["memorisation"] == 0.0
    assert verdicts(report)["copy_rate"] == "worse"
    assert verdicts(report)["memorisation"] == "nearer"
    told = " ".join(map(str, report.advice))
    assert "equal a training row" in told
    assert "memorisation" in told
    assert "privacy" not in told


def test_one_row_again_and_again_is_a_collapse():
    report = judged(lambda X, y, label, n: X[y == label].iloc[np.zeros(n, int)])
    found = values(report)
    assert found["diversity"] < 0.01
    assert found["coverage"] < 0.2
    assert any("mode collapse" in advice.found for advice in report.advice)


def test_columns_in_disorder_keep_their_shapes_and_lose_their_pairs():
    def shuffled(X, y, label, n):
        rng = np.random.default_rng(0)
        rows = drawn_from(X, y, label, n)
        return rows.apply(lambda column: rng.permutation(column.to_numpy()))

    report = judged(shuffled)
    assert verdicts(report)["column_shapes"] != "worse"
    assert verdicts(report)["pair_trends"] == "worse"
    assert verdicts(report)["c2st_auc"] == "worse"


def test_a_column_gone_wrong_is_named():
    def shifted(X, y, label, n):
        rng = np.random.default_rng(0)
        rows = drawn_from(X, y, label, n).assign(c=4.0 + rng.normal(size=n))
        return rows + rng.normal(0, 0.01, rows.shape)

    report = judged(shifted)
    assert verdicts(report)["column_shapes"] == "worse"
    assert any("Least alike: c." in advice.found for advice in report.advice)
    rows = [row for row in report.columns if row["class"] == 1]
    assert min(rows, key=lambda row: row["shape"])["column"] == "c"


def test_rows_with_the_wrong_label_teach_nothing():
    report = judged(lambda X, y, label, n: drawn_from(X, y, 1 - label, n))
    assert verdicts(report)["tstr_f1"] == "worse"
    assert verdicts(report, EVERY_CLASS)["tstr_f1"] == "worse"
    assert values(report)["augmented_gain"] < 0


def test_promise_8_harm_is_said_first_and_a_gain_that_is_not_shown_is_no_success():
    facts = {
        "kind": "image",
        "recipe": "auto",
        "classes": [
            {"class": "a", "plan": "gan", "plan_of_all": "gan", "lacks": 9, "held_out": 99}
        ],
    }
    harm = Finding("a", "augmented_gain", -0.2, 0.0, gap_low=-0.3, gap_high=-0.1)
    unclear = Finding(EVERY_CLASS, "augmented_gain", 0.1, 0.0, gap_low=-0.1, gap_high=0.3)
    first, second = advise([unclear, harm], [], facts, History())
    assert (first.level, first.about) == ("bad", "class a")
    assert "Do not add them" in first.remedy
    assert "is not shown" in second.found
    assert "images" in second.found


def test_held_out_rows_that_were_learned_from_are_noticed():
    X, y = blobs(200, 0)
    augmenter = quick().fit(X, y)
    report = quality_report(augmenter, X, y, X_test=X, y_test=y, random_state=0)
    assert any("the two parts overlap" in advice.found for advice in report.advice)
    frame = report.to_frame()
    assert "equal training rows" in frame.loc[(1, "memorisation"), "reason"]


# --- tables --------------------------------------------------------------------------------------


def test_every_figure_of_every_class_is_there_or_says_why_not(table_report):
    frame = table_report.to_frame()
    keys = [key for key in MEASURES if not key.startswith("mmd")]
    for label in (RARE, "fine"):
        assert frame.loc[label].index.tolist() == keys
    refused = frame["value"].isna()
    assert (frame["reason"] != "").equals(refused)
    assert refused.sum() < len(frame) / 2
    known = frame[~refused]
    assert known["baseline"].notna().all()
    assert (known["baseline_low"] <= known["baseline_high"]).all()
    assert known["verdict"].ne("").all()


def test_promise_8_scores_come_with_an_interval(table_report):
    frame = table_report.to_frame().loc[(slice(None), ["tstr_f1", "augmented_gain"]), :]
    known = frame[frame["value"].notna()]
    assert len(known)
    assert (known["low"] <= known["value"]).all()
    assert (known["value"] <= known["high"]).all()


def test_missing_values_of_synthetic_and_real_rows_stand_side_by_side(table_report):
    row = next(r for r in table_report.columns if r["column"] == "score" and r["class"] == "fine")
    assert 0.1 < row["missing_baseline"] < 0.3
    assert 0.0 < row["missing"] < 0.5


def test_the_report_says_that_a_clone_was_judged(table_report):
    assert "a clone of the augmenter was fitted" in table_report.notes[0]
    assert "120 of 400" in table_report.notes[0]
    by_class = {row["class"]: row for row in table_report.facts["classes"]}
    held = sum(row["held_out"] for row in by_class.values())
    assert held == 120
    assert table_report.facts["classes"][0]["class"] == RARE  # what is to be filled up comes first


@pytest.mark.parametrize("container", [np.asarray, sp.csr_matrix, lambda X: X.tolist()])
def test_tables_of_numbers_in_any_container(container):
    X, y = make_classification(120, 5, weights=[0.7], random_state=0)
    report = quality_report(quick(), container(X), y.tolist(), random_state=0)
    assert report.facts["shape"] == [5]
    assert report.to_frame()["value"].notna().any()


def test_one_column_has_no_pairs():
    """With one column the figure of pairs is left out."""
    X, y = blobs(200, 0)
    report = quality_report(quick(), X[["a"]], y, random_state=0)
    assert "pair_trends" not in report.to_frame().index.get_level_values("figure")
    assert report.to_html()


@pytest.mark.parametrize("start", [2**62, np.uint64(2**64 - 500), 1e16])
def test_large_numbers_close_to_each_other_are_compared_and_drawn(start):
    X, y = blobs(200, 0)
    X["id"] = start + np.arange(200, dtype=np.asarray(start).dtype)
    X["always"] = start
    report = quality_report(quick(), X, y, random_state=0)
    assert report.to_frame().loc[(0, "pair_trends"), "reason"] == ""
    assert report.to_html()


@pytest.mark.parametrize("strategy", [0.34, {1: 150}, "all", lambda y: {1: 120}])
def test_every_form_of_sampling_strategy_survives_the_division(strategy):
    X, y = blobs(200, 0)
    report = quality_report(quick(sampling_strategy=strategy), X, y, random_state=0)
    by_class = {row["class"]: row for row in report.facts["classes"]}
    lacking = quick(sampling_strategy=strategy).fit(X, y).sampling_strategy_
    assert by_class[1]["lacks"] == int(np.ceil(0.7 * lacking[1]))


def test_a_plan_that_holding_out_has_changed_is_said():
    X, y = blobs(48, 0)  # 12 rows of the rare class, 8 without those held out
    report = quality_report(quick(), X, y, random_state=0)
    assert any("1 (anchored instead of interpolate)" in advice.found for advice in report.advice)


def test_nothing_to_add_is_said():
    """A strategy that adds no rows leaves the gain out, with the reason."""
    X, y = blobs(200, 0)
    report = quality_report(quick(sampling_strategy={1: 50}), X, y, random_state=0)
    assert "no class lacks rows" in report.to_frame().loc[(1, "augmented_gain"), "reason"]


def test_large_tables_are_thinned_out_and_the_report_says_so(monkeypatch):
    monkeypatch.setitem(report_data.MOST_LEARNED, "table", 100)
    monkeypatch.setattr(report_data, "MOST_TESTED", 60)
    X, y = blobs(600, 0)
    report = quality_report(quick(), X, y, random_state=0)
    assert any("of the 420 training ones were used" in note for note in report.notes)
    assert any("of the 180 held-out ones were used" in note for note in report.notes)
    # The generator learned from all, and copies are sought among all.
    assert sum(row["training"] for row in report.facts["classes"]) == 420


# --- small classes -------------------------------------------------------------------------------


def test_small_classes_are_refused_figure_by_figure():
    sizes = {"common": 120, "dozen": 12, "three": 3, "two": 2, "one": 1}
    y = np.repeat(list(sizes), list(sizes.values()))
    X = np.random.default_rng(0).normal(size=(len(y), 3))
    augmenter = quick(sampling_strategy={"dozen": 40})
    with pytest.warns(GanaugWarning, match="only 8 rows"):
        report = quality_report(augmenter, X, y, random_state=0)
    frame = report.to_frame()
    assert frame.loc["common", "value"].notna().any()
    for label in ("dozen", "three", "two", "one"):
        own = frame.loc[label]
        assert own["value"].isna().all()
        assert own["reason"].str.contains("needed|only be repeated|two classes").all()
    assert "4 held-out rows; 20 are needed" in set(frame.loc["dozen", "reason"])
    assert report.to_html()
    assert json.loads(report.to_json())


def test_no_row_to_hold_out_is_an_error_that_names_the_way_out():
    with pytest.raises(InvalidInputError, match="Pass X_test and y_test"):
        quality_report(quick(), [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])


# --- images --------------------------------------------------------------------------------------


def test_images_have_figures_of_their_own(image_report):
    frame = image_report.to_frame()
    figures = set(frame.index.get_level_values("figure"))
    assert {"mmd_trained", "mmd_random"} < figures
    assert not {"column_shapes", "pair_trends"} & figures
    common = frame.loc[0]
    assert common["reason"].eq("").all()
    assert abs(common.loc["mmd_trained", "baseline"]) < 0.02
    assert common.loc["tstr_f1", "baseline"] > 0.8
    assert frame.loc[(8, "density"), "reason"] == "18 held-out rows; 50 are needed"


def test_noise_in_place_of_images_is_told(monkeypatch):
    monkeypatch.setattr("ganaug.report.image_views.STEPS", 100)
    images, labels = few_digits(120)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(labels))
    train, test = order[::2], order[1::2]

    class Noise(GANAugmenter):
        def sample(self, n_samples: Any, *, random_state: Any = None) -> Any:
            y = np.repeat(list(n_samples), list(n_samples.values()))
            return rng.integers(0, 256, (len(y), 8, 8)).astype(np.uint8), y

    augmenter = Noise(max_steps=1, random_state=0).fit(images[train], labels[train])
    report = quality_report(
        augmenter, images[train], labels[train],
        X_test=images[test], y_test=labels[test], random_state=0,
    )  # fmt: skip
    found = verdicts(report, 8)
    assert {found[key] for key in ("c2st_auc", "mmd_trained", "mmd_random")} == {"worse"}
    assert verdicts(report, EVERY_CLASS)["tstr_f1"] == "worse"


@pytest.mark.parametrize("form", ["flat", "tensor", "colour"])
def test_images_in_other_containers(form, monkeypatch):
    monkeypatch.setattr("ganaug.report.image_views.STEPS", 20)
    images, labels = few_digits(40)
    rows = np.r_[:60, 180:220, -40:0]
    images, labels = images[rows], labels[rows]
    options = {}
    data: Any = images
    if form == "flat":
        data = images.reshape(len(images), -1)
        options = {"image_options": ImageOptions(shape=(8, 8))}
    elif form == "tensor":
        data = torch.from_numpy(images)
    else:
        data = np.repeat(images[..., None], 3, axis=-1)
    report = quality_report(quick(max_steps=1, **options), data, labels, random_state=0)
    assert report.facts["kind"] == "image"
    assert report.to_frame()["value"].notna().any()
    assert "data:image/png" in report.to_html()


# --- the same again ------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_report(table, table_report, table_html):
    before = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    again = quality_report(GANAugmenter(max_steps=30), *table, random_state=0)
    assert again.to_json() == table_report.to_json()
    assert again.to_html() == table_html
    np.testing.assert_array_equal(before[0], np.random.get_state()[1])  # noqa: NPY002
    assert torch.equal(before[1], torch.get_rng_state())


def test_a_fitted_augmenter_is_left_as_it_is():
    X, y = blobs(200, 0)
    X_test, y_test = blobs(100, 1)
    augmenter, other = quick().fit(X, y), quick().fit(X, y)
    state = {name: value for name, value in vars(augmenter).items() if name != "_modality"}
    quality_report(augmenter, X, y, X_test=X_test, y_test=y_test, random_state=0)
    assert {name: vars(augmenter)[name] for name in state} == state
    # Its own stream of samples has not moved either.
    assert augmenter.sample({1: 5})[0].equals(other.sample({1: 5})[0])


def test_an_augmenter_that_is_not_fitted_stays_so():
    X, y = blobs(200, 0)
    X_test, y_test = blobs(100, 1)
    augmenter = quick()
    report = quality_report(augmenter, X, y, X_test=X_test, y_test=y_test, random_state=0)
    assert "was not fitted" in report.notes[0]
    with pytest.raises(NotFittedError):
        augmenter.sample({1: 1})


# --- JSON ----------------------------------------------------------------------------------------


def test_json_holds_all_figures_and_no_row(table, table_report, tmp_path):
    path = tmp_path / "report.json"
    text = table_report.to_json(path)
    assert path.read_text("utf-8") == text
    document = json.loads(text)
    keys = ["advice", "columns", "facts", "figures", "format", "kind", "notes"]
    assert sorted(document) == keys
    assert document["kind"] == "ganaug.Report"
    assert len(document["figures"]) == len(table_report.findings)
    assert all(figure["value"] is not None or figure["reason"] for figure in document["figures"])
    assert document["facts"]["versions"]["ganaug"]
    amounts = table[0]["amount $x$"]
    assert not [value for value in amounts if f": {value}," in text]


# --- wrong calls ---------------------------------------------------------------------------------


def test_wrong_calls_are_refused_before_any_training():
    X, y = mixed_table(60)
    with pytest.raises(ConfigError, match="both X_test and y_test"):
        quality_report(quick(), X, y, X_test=X)
    for share in (0, 1.0, "a third", True):
        with pytest.raises(ConfigError, match="test_size"):
            quality_report(quick(), X, y, test_size=share)
    with pytest.raises(InvalidTypeError, match="GANAugmenter"):
        quality_report(object(), X, y)
    with pytest.raises(ConfigError, match="random_state"):
        quality_report(quick(), X, y, random_state="zero")


def test_held_out_rows_of_another_table_are_refused():
    X, y = blobs(100, 0)
    augmenter = quick().fit(X, y)
    with pytest.raises(SchemaDriftError, match="'d'"):
        quality_report(augmenter, X, y, X_test=X.drop(columns="d"), y_test=y)
    with pytest.raises(InvalidInputError, match="no class 7"):
        quality_report(augmenter, X, y, X_test=X, y_test=np.full(len(y), 7))


def test_that_the_rare_class_could_not_be_judged_is_said():
    X, y = blobs(200, 0)
    few = np.r_[np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:12]]
    report = quality_report(quick(), X.iloc[few], y[few], random_state=0)
    said = [advice for advice in report.advice if "was not judged" in advice.found]
    assert len(said) == 1
    assert said[0].found.endswith("rows: 1.")
    assert not [advice for advice in report.advice if advice.about == "all classes"]


def test_the_seed_on_the_page_is_the_one_that_was_given(table_report):
    assert table_report.facts["seed"] == 0


def test_a_class_may_have_the_name_of_the_mean():
    X, y = blobs(200, 0)
    report = quality_report(quick(), X, np.where(y == 1, EVERY_CLASS, "rest"), random_state=0)
    means = [f for f in report.findings if f.label is EVERY_CLASS]
    assert len(means) == 2


def test_tables_that_are_none_are_refused():
    for X in (None, 3):
        with pytest.raises(InvalidTypeError, match="must be a table or images"):
            quality_report(quick(), X, [0, 1])
