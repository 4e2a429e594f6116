"""What the report says about the use of synthetic rows, dose by dose, and about the plan."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from ganaug import GANAugmenter, Report, quality_report
from tests.report.support import blobs, drawn_from, judged


def doses(report: Report) -> pd.DataFrame:
    return pd.DataFrame(report.facts["doses"]).set_index(["score", "dose"])


def test_promise_8_every_dose_has_a_gain_with_an_interval(table_report: Report) -> None:
    frame = doses(table_report)
    lacks = {row["class"]: row["lacks"] for row in table_report.facts["classes"]}
    for score in ("balanced_accuracy", "average_precision"):
        own = frame.loc[score]
        assert own.index.tolist() == [0.1, 0.25, 0.5, 1.0]
        assert own["rows"].tolist() == [round(d * sum(lacks.values())) for d in own.index]
        assert (own["low"] <= own["high"]).all()
    assert json.loads(table_report.to_json())["facts"]["doses"] == table_report.facts["doses"]


def test_a_full_dose_gains_what_the_figure_of_the_report_says(table_report: Report) -> None:
    figure = table_report.to_frame().loc[("(all)", "augmented_gain")]
    row = doses(table_report).loc[("average_precision", 1.0)]
    assert row["gain"] == pytest.approx(figure["value"])
    assert (row["low"], row["high"]) == pytest.approx((figure["low"], figure["high"]))


def test_rows_of_the_wrong_class_harm_more_with_every_dose() -> None:
    wrong = judged(lambda X, y, label, n: drawn_from(X, y, 1 - label, n))
    gains = doses(wrong).loc["average_precision", "gain"]
    assert gains[1.0] < gains[0.1]
    assert gains[1.0] < 0


def test_balanced_classes_have_no_doses() -> None:
    X, y = blobs(120, 0)
    augmenter = GANAugmenter(max_steps=1, sampling_strategy={1: 30}, random_state=0)
    assert quality_report(augmenter, X, y, random_state=0).facts["doses"] == []


def test_the_page_shows_the_doses_and_the_plan(table_report: Report, table: Any) -> None:
    pytest.importorskip("jinja2")
    page = table_report.to_html()
    assert "Gain by dose" in page
    rare = table_report.facts["classes"][0]
    counts = table[1].value_counts()
    assert rare["adds"] == counts.max() - counts.min()
    assert f'<td>{rare["plan_of_all"]}</td><td class="n">{rare["adds"]}</td>' in page


def test_images_say_why_there_are_no_doses(image_report: Report) -> None:
    pytest.importorskip("jinja2")
    assert image_report.facts["doses"] == []
    assert "each further dose would train the networks" in image_report.to_html()
