"""``ganaug fit`` and ``ganaug sample``: models on disk, and the rows they make."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("typer", reason="the command line needs the extra cli")
from ganaug import GANAugmenter
from tests.cli.tables import QUICK, assert_one_line_error, call, make_text, rows_of


def test_sampled_files_have_the_columns_of_the_training_file(model):
    result = call("sample", model, "-n", 7, "--seed", 1)
    assert result.exit_code == 0, result.stderr
    rows = rows_of(result.stdout)
    assert len(rows) == 7
    assert list(rows[0]) == list(rows_of(make_text())[0])
    assert {row["label"] for row in rows} <= {"rare", "ok"}
    assert all(len(row["code"]) == 3 and row["price"][-3] == "." for row in rows)


@pytest.mark.parametrize("counts", [["-n", "rare=5", "-n", "ok=2"], ["-n", "rare=5,ok=2"]])
def test_sample_makes_the_counts_asked_for(model, counts):
    rows = rows_of(call("sample", model, *counts).stdout)
    assert Counter(row["label"] for row in rows) == {"rare": 5, "ok": 2}


def test_sample_without_a_seed_is_new_each_time(model):
    assert call("sample", model, "-n", 9).stdout != call("sample", model, "-n", 9).stdout
    one, two = (call("sample", model, "-n", 9, "--seed", 3).stdout for _ in range(2))
    assert one == two


def test_sample_into_files(model, tmp_path):
    """Sampled rows are written as the name of the file says: CSV, tabs or Parquet."""
    for name in ("new.csv", "new.tsv", "new.parquet"):
        result = call("sample", model, "-n", 4, "--seed", 1, "-o", tmp_path / name)
        assert (result.exit_code, result.stdout) == (0, "")
    assert len(rows_of((tmp_path / "new.csv").read_bytes())) == 4
    assert len(rows_of((tmp_path / "new.tsv").read_bytes(), "\t")) == 4
    assert pd.read_parquet(tmp_path / "new.parquet").columns[3] == "label"


def test_no_rows_is_a_header(model):
    """Zero rows are a file with the names of the columns."""
    assert call("sample", model, "-n", 0).stdout == make_text().splitlines()[0] + "\n"


def test_sample_refuses_an_unknown_class_in_one_line(model):
    assert_one_line_error(call("sample", model, "-n", "rarer=5"), "did you mean 'rare'?")


def test_a_damaged_description_of_the_table_is_one_line(model, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in model.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    for content in (
        "{",
        "[]",
        '{"columns": ["x"], "target": "y", "formats": null}',
        '{"columns": ["y"], "target": "y", "formats": null}',
        '{"columns": ["y"], "target": "y", "formats": [{"decimals": [0, 0], "k": 1}]}',
    ):
        (copy / "table.json").write_text(content)
        assert_one_line_error(call("sample", copy, "-n", 3), "table.json")


def test_models_saved_by_python_can_be_sampled(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 2)), np.arange(40) % 4 == 0
    GANAugmenter(max_steps=2, random_state=0).fit(X, y.astype(int)).save_pretrained(tmp_path)
    rows = rows_of(call("sample", tmp_path, "-n", "1=3").stdout)
    assert list(rows[0]) == ["x0", "x1", "target"]
    assert [row["target"] for row in rows] == ["1"] * 3
    assert list(rows_of(call("sample", tmp_path, "-n", 1, "-t", "class").stdout)[0])[2] == "class"
    assert_one_line_error(call("sample", tmp_path, "-n", 1, "-t", "x0"), "name of a feature")


def test_a_model_fitted_here_loads_in_python_with_typed_labels(tmp_path):
    path, out = tmp_path / "in.csv", tmp_path / "model"
    path.write_text("x,y\n" + "".join(f"{i}.5,{int(i % 3 == 0)}\n" for i in range(60)))
    assert call("fit", path, "-t", "y", "-o", out, *QUICK).exit_code == 0
    assert GANAugmenter.from_pretrained(out).classes_.tolist() == [0, 1]


def test_a_model_goes_neither_to_stdout_nor_among_other_files(table, tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "notes.txt").write_text("mine")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text("{}")
    arguments = ["fit", table, "-t", "label", *QUICK, "-o"]
    assert_one_line_error(call(*arguments, "-"), "standard output")
    assert_one_line_error(call(*arguments, table), "is a file")
    assert_one_line_error(call(*arguments, tmp_path / "docs"), "--force")
    for _ in range(2):  # over an older model without asking
        assert call(*arguments, tmp_path / "model").exit_code == 0
    assert call(*arguments, tmp_path / "docs", "--force").exit_code == 0
    assert (tmp_path / "docs" / "notes.txt").read_text() == "mine"
    # Not even by force over another program's model.
    assert_one_line_error(call(*arguments, tmp_path / "other", "--force"), "config.json")
    assert (tmp_path / "other" / "config.json").read_text() == "{}"
