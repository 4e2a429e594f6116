"""``ganaug report``, and the page that ``ganaug augment`` adds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("typer", reason="the command line needs the extra cli")
pytest.importorskip("jinja2", reason="pages need the extra report")

from tests.cli.tables import QUICK, call
from tests.report.support import mixed_table


@pytest.fixture(scope="module")
def csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "train.csv"
    X, y = mixed_table(160)
    X[["items", "day", "flag"]].assign(kind=y).to_csv(path, index=False)
    return path


def test_one_command_judges_a_table(csv, tmp_path):
    page, numbers = tmp_path / "report.html", tmp_path / "report.json"
    done = call("report", csv, "-t", "kind", "-o", page, "--json", numbers, *QUICK)
    assert done.exit_code == 0, done.stderr
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert json.loads(numbers.read_text("utf-8"))["facts"]["shape"] == [3]
    assert f"wrote {page} and {numbers}" in done.stderr
    assert done.stdout == ""


def test_held_out_rows_may_come_from_another_file(csv, tmp_path):
    other = tmp_path / "test.csv"
    X, y = mixed_table(80, seed=1)
    X[["items", "day", "flag"]].assign(kind=y).to_csv(other, index=False)
    numbers = tmp_path / "report.json"
    page = tmp_path / "r.html"
    done = call(
        "report", csv, "-t", "kind", "-o", page, "--test", other, "--json", numbers, "-q", *QUICK
    )
    assert (done.exit_code, done.stderr) == (0, "")
    facts = json.loads(numbers.read_text("utf-8"))["facts"]
    assert facts["held_out"] == "given"
    assert sum(row["training"] for row in facts["classes"]) == 160


def test_one_command_gives_balanced_rows_and_a_page(csv, tmp_path):
    out, page = tmp_path / "balanced.csv", tmp_path / "report.html"
    done = call("augment", csv, "-t", "kind", "-o", out, "--report", page, *QUICK)
    assert done.exit_code == 0, done.stderr
    assert out.read_bytes().startswith(csv.read_bytes())
    assert "Quality of synthetic rows" in page.read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-o", "report.pdf"), "must end in .html"),
        (("--json", "report.html"), "must end in .json"),
        (("-o", "nowhere/report.html"), "There is no folder"),
        (("--test-size", "2"), "test_size"),
        (("--test", "absent.csv"), "absent.csv"),
    ],
)
def test_impossible_options_are_refused_in_one_line(csv, options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = call("report", csv, "-t", "kind", *options, *QUICK)
    assert done.exit_code == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_augment_refuses_a_page_that_cannot_be_written_before_any_work(csv, tmp_path):
    out = tmp_path / "balanced.csv"
    done = call("augment", csv, "-t", "kind", "-o", out, "--report", tmp_path / "r.txt", *QUICK)
    assert done.exit_code == 1
    assert not out.exists()
