"""``ganaug augment`` on CSV and Parquet files: original rows stay as they are, failure or not."""

from __future__ import annotations

import codecs
import itertools
import os
import stat
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("typer", reason="the command line needs the extra cli")
from ganaug.cli.files.csv_text import read_csv, render_rows
from ganaug.cli.files.text_columns import TextFormat, read_column
from tests.cli.tables import BIG, QUICK, assert_one_line_error, call, make_text, rows_of

# ------------------------------------------------------------------ augment: the original rows


@pytest.mark.parametrize(
    ("delimiter", "newline", "last"),
    [
        *itertools.product(",", ("\n", "\r\n"), (True, False)),
        (";", "\r\n", True),
        ("\t", "\n", False),
        ("|", "\r\n", False),
    ],
    ids=repr,
)
def test_the_original_text_stays_byte_for_byte(tmp_path, delimiter, newline, last):
    raw = make_text(newline, delimiter, last).encode()
    path, out = tmp_path / "in.csv", tmp_path / "out.txt"
    path.write_bytes(raw)
    result = call("augment", path, "-t", "label", "-o", out, *QUICK)
    if delimiter == "\t":  # a tab-separated file called .csv becomes what its new name says
        assert rows_of(out.read_bytes())[:40] == rows_of(raw, "\t")
        return
    assert result.exit_code == 0, result.stderr
    written = out.read_bytes()
    assert written.startswith(raw)
    added = written[len(raw) :].decode()
    assert added.endswith(newline)
    assert added.count(newline) == 24 + (not last)
    counts = Counter(row["label"] for row in rows_of(written, delimiter))
    assert counts == {"ok": 32, "rare": 32}


@pytest.mark.parametrize(
    ("mark", "encoding", "option"),
    [
        (codecs.BOM_UTF8, "utf-8", ()),
        (codecs.BOM_UTF16_LE, "utf-16-le", ()),
        (b"", "cp1252", ("--encoding", "cp1252")),
    ],
)
def test_encoding_and_byte_order_mark_are_kept(tmp_path, mark, encoding, option):
    raw = mark + make_text().replace("yes", "grün").replace("label", "größe").encode(encoding)
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_bytes(raw)
    result = call("augment", path, "-t", "größe", "-o", out, *option, *QUICK)
    assert result.exit_code == 0, result.stderr
    written = out.read_bytes()
    assert written.startswith(raw)
    added = written[len(raw) :].decode(encoding)
    assert added.count("\n") == 24
    assert "grün" in added


def test_new_rows_are_written_like_the_old_ones(table):
    result = call("augment", table, "-t", "label", *QUICK)
    old, new = rows_of(result.stdout)[:40], rows_of(result.stdout)[40:]
    assert len(new) == 24
    for row in new:
        assert len(row["code"]) == 3
        assert row["code"].isdecimal()
        assert len(row["price"].partition(".")[2]) == 2
        assert pd.Timestamp(row["day"]).strftime("%Y-%m-%d") == row["day"]
        assert row["gap"] == "NA" or row["gap"].isdecimal()
        assert BIG <= int(row["id"]) <= BIG + 3 * 40
    for name in ("note", "empty", "label"):
        assert {row[name] for row in new} <= {row[name] for row in old}


def test_mark_tells_synthetic_rows_apart(tmp_path):
    text = make_text(last=False).replace('"yes"', '"two\nlines"')
    path = tmp_path / "in.csv"
    path.write_text(text)
    result = call("augment", path, "-t", "label", "--mark", *QUICK)
    rows = rows_of(result.stdout)
    assert [row.pop("is_synthetic") for row in rows] == ["False"] * 40 + ["True"] * 24
    assert rows[:40] == rows_of(text)
    stripped = result.stdout.replace(",False\n", "\n").replace(",is_synthetic\n", "\n")
    assert stripped.startswith(text)


def test_a_decimal_comma_is_read_and_written(tmp_path):
    rng = np.random.default_rng(0)
    lines = [f"{rng.integers(0, 99)},{rng.integers(10, 99)};{'a' if i < 30 else 'b'}"
             for i in range(40)]  # fmt: skip
    path = tmp_path / "in.csv"
    path.write_text("price;y\n" + "\n".join(lines) + "\n")
    rows = rows_of(call("augment", path, "-t", "y", *QUICK).stdout, ";")
    assert len(rows) == 60
    for row in rows[40:]:
        whole, comma, digits = row["price"].partition(",")
        assert (comma, len(digits)) == (",", 2)
        assert 0 <= int(whole) < 100


def test_a_table_of_tabs_stays_one(tmp_path):
    raw = make_text(delimiter="\t").encode()
    path, out = tmp_path / "in.tsv", tmp_path / "out.tsv"
    path.write_bytes(raw)
    assert call("augment", path, "-t", "label", "-o", out, *QUICK).exit_code == 0
    assert out.read_bytes().startswith(raw)
    assert len(rows_of(out.read_bytes(), "\t")) == 64


def test_standard_input_and_output(table):
    result = call("augment", "-", "-t", "label", *QUICK, stdin=table.read_bytes())
    assert result.exit_code == 0
    assert result.stdout_bytes.startswith(table.read_bytes())
    assert result.stdout == call("augment", table, "-t", "label", "-q", *QUICK).stdout


@pytest.mark.parametrize(
    ("texts", "dtype"),
    [
        (["1", "-2", "30"], "int64"),
        (["1", "NA", "30"], "Int64"),
        ([str(2**63), "0", "1"], "uint64"),
        ([str(2**64), "0", "1"], "text"),
        (["007", "010", "999"], "text"),
        (["1.10", "2.00", "-0.35"], "float64"),
        (["3", "2.5", ""], "float64"),
        (["1e-05", "0.0", "12.25"], "float64"),
        (["2020-01-31", "?", "1999-12-01"], "datetime64"),
        (["2020-01-31T10:00:05", "1999-12-01T00:00:00"], "datetime64"),
        (["2020-02-31", "2020-02-01"], "text"),
        (["NA", "US", ""], "text"),
        (["", "", ""], "text"),
        (["True", "False", "True"], "text"),
    ],
)
def test_a_column_is_written_as_it_was_read(texts, dtype):
    form, column = read_column(texts)
    assert form.render(column) == texts
    if dtype == "text":
        assert all(isinstance(value, str) for value in column.dropna().tolist())
    else:
        assert str(column.dtype).startswith(dtype)
    assert TextFormat.from_dict(form.to_dict()) == form


def test_real_files_are_written_as_they_were_read(shared_tables):
    for path in sorted(shared_tables.glob("*.csv")):
        if path.stat().st_size > 2e6:
            continue
        text = read_csv(path.read_bytes(), path.name, "utf-8", None)
        assert render_rows(text.frame(), text.formats) == text.rows, path.name


# ------------------------------------------------------------------ files


def test_the_input_is_overwritten_only_by_force(table):
    before = table.read_bytes()
    same = table.parent / "." / "train.csv"
    refused = call("augment", table, "-t", "label", "-o", same, *QUICK)
    assert_one_line_error(refused, "is the input file")
    assert table.read_bytes() == before
    assert call("augment", table, "-t", "label", "-o", same, "--force", *QUICK).exit_code == 0
    assert table.read_bytes().startswith(before)
    assert len(rows_of(table.read_bytes())) == 64


def test_a_failed_write_leaves_the_old_file(table, monkeypatch):
    out = table.with_name("out.csv")
    out.write_text("precious")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device", str(out))

    monkeypatch.setattr(os, "fsync", full)
    result = call("augment", table, "-t", "label", "-q", "-o", out, *QUICK)
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    assert out.read_text() == "precious"
    assert {p.name for p in table.parent.iterdir()} == {"train.csv", "out.csv"}


@pytest.mark.skipif(os.name != "posix", reason="permissions and devices of POSIX")
def test_output_has_plain_permissions_follows_links_and_spares_devices(table):
    folder = table.parent
    (folder / "link.csv").symlink_to(folder / "real.csv")
    (folder / "old.csv").touch(mode=0o640)
    for name in ("link.csv", "old.csv"):
        assert call("augment", table, "-t", "label", "-o", folder / name, *QUICK).exit_code == 0
    mask = os.umask(0)
    os.umask(mask)
    assert (folder / "link.csv").is_symlink()
    assert stat.S_IMODE((folder / "real.csv").stat().st_mode) == 0o666 & ~mask
    assert stat.S_IMODE((folder / "old.csv").stat().st_mode) == 0o640 & ~mask
    os.mkfifo(folder / "pipe.csv")
    reader = os.open(folder / "pipe.csv", os.O_RDONLY | os.O_NONBLOCK)
    call("augment", table, "-t", "label", "-o", folder / "pipe.csv", *QUICK)
    assert os.read(reader, 9) == table.read_bytes()[:9]
    os.close(reader)
    assert stat.S_ISFIFO((folder / "pipe.csv").stat().st_mode)


# ------------------------------------------------------------------ parquet


@pytest.fixture
def arrow(tmp_path: Path) -> Path:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    from decimal import Decimal

    n = 40
    columns = {
        "id": pa.array([None if i % 7 == 3 else BIG + 2 * i for i in range(n)], pa.int64()),
        "small": pa.array([i % 5 for i in range(n)], pa.int8()),
        "y": pa.array([i % 5 == 0 for i in range(n)]),
        "kind": pa.array([["a", "b", None][i % 3] for i in range(n)]).dictionary_encode(),
        "day": pa.array([18_000 + i for i in range(n)], pa.int32()).cast(pa.date32()),
        "price": pa.array([Decimal(i) / 4 for i in range(n)], pa.decimal128(9, 2)),
        "real": pa.array(np.linspace(0, 1, n), pa.float32()),
    }
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def test_parquet_keeps_its_types_and_rows(arrow):
    import pyarrow.parquet as pq

    out = arrow.with_name("out.parquet")
    result = call("augment", arrow, "-t", "y", "-o", out, "--mark", *QUICK)
    assert result.exit_code == 0, result.stderr
    before, after = pq.read_table(arrow), pq.read_table(out)
    assert after.column("is_synthetic").to_pylist() == [False] * 40 + [True] * 24
    after = after.drop_columns("is_synthetic")
    assert after.schema.equals(before.schema)
    assert after.slice(0, 40).to_pylist() == before.to_pylist()
    assert after.slice(40).column("y").to_pylist() == [True] * 24


def test_a_stored_index_is_no_feature(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"x": np.arange(40.0), "y": ["b"] * 12 + ["a"] * 28})
    numbers = list(range(100, 140))
    for index in (pd.RangeIndex(100, 140), pd.Index(numbers, name="row"), pd.Index([*"ab"] * 20)):
        path, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
        frame.set_axis(index).to_parquet(path)
        assert call("augment", path, "-t", "y", "-o", out, *QUICK).exit_code == 0
        after = pd.read_parquet(out)
        assert list(after.columns) == ["x", "y"]
        pd.testing.assert_frame_equal(after.iloc[:40], pd.read_parquet(path))
        if index[0] == 100:
            assert after.index[40:].tolist() == list(range(140, 156))
        else:
            assert after.index[40] == "synthetic_0"


def test_parquet_to_csv_and_back(arrow, table):
    result = call("augment", arrow, "-t", "y", "-q", *QUICK)
    rows = rows_of(result.stdout)
    assert len(rows) == 64
    assert rows[1]["id"] == str(BIG + 2)
    out = table.with_name("out.parquet")
    assert call("augment", table, "-t", "label", "-o", out, *QUICK).exit_code == 0
    after = pd.read_parquet(out)
    assert after["id"].iloc[:40].tolist() == [BIG + 3 * i for i in range(40)]
    assert after["code"].iloc[0] == rows_of(make_text())[0]["code"]
