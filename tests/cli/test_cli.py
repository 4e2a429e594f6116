"""The command line: what it writes, what it leaves alone, what it says, and how it ends."""

from __future__ import annotations

import codecs
import csv
import io
import os
import stat
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("typer", reason="the command line needs the extra cli")

from typer.testing import CliRunner

from ganaug import GanaugError, GANAugmenter, __version__
from ganaug.commands import app
from ganaug.csvtext import read_csv, render_rows
from ganaug.textcolumns import TextFormat, read_column

QUICK = ("--max-steps", "2", "--seed", "0")
HEAVY = {"imblearn", "matplotlib", "numpy", "pandas", "pyarrow", "scipy", "sklearn", "torch"}
BIG = 2**53 + 1


def call(*arguments: Any, stdin: bytes = b"") -> Any:
    """Run a command in this process."""
    return CliRunner().invoke(app, [str(a) for a in arguments], input=stdin)


def rows_of(text: str | bytes, delimiter: str = ",") -> list[dict[str, str]]:
    text = text.decode() if isinstance(text, bytes) else text
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))


def make_text(newline: str = "\n", delimiter: str = ",", last: bool = True) -> str:
    """Return a CSV file full of what a float cast or a reformatting would spoil."""
    rng = np.random.default_rng(0)
    names = ["id", "code", "price", "label", "day", "note", "gap", "empty"]
    rows = [
        [
            str(BIG + 3 * i),
            f"{rng.integers(0, 9):03d}",
            f"{rng.integers(100, 999)}.{rng.integers(0, 9)}0",
            "rare" if i % 5 == 0 else "ok",
            f"2020-01-{rng.integers(1, 29):02d}",
            '"said ""no"""' if i % 2 else '"yes"',
            "NA" if i % 4 == 0 else str(rng.integers(0, 50)),
            "" if i % 3 else "x",
        ]
        for i in range(40)
    ]
    lines = [names, *rows]
    return newline.join(delimiter.join(line) for line in lines) + (newline if last else "")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "train.csv"
    path.write_bytes(make_text().encode())
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model fitted on the table of :func:`make_text`."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "train.csv").write_text(make_text())
    out = folder / "saved"
    result = call("fit", folder / "train.csv", "-t", "label", "-o", out, *QUICK)
    assert result.exit_code == 0, result.stderr
    return out


# --- start ---------------------------------------------------------------------------------------


def modules_after(statement: str) -> set[str]:
    code = f"import sys\ntry:\n    {statement}\nexcept SystemExit: pass\n"
    code += "print('\\n'.join(sys.modules), file=sys.stderr)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in run.stderr.split()}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["augment", "--help"]])
def test_help_loads_nothing_heavy(arguments):
    loaded = modules_after(f"from ganaug.cli import main; main({arguments})")
    assert "typer" in loaded
    assert not loaded & HEAVY


def test_importing_the_entry_point_does_not_even_load_typer():
    assert not modules_after("import ganaug.cli") & {*HEAVY, "typer"}


def test_the_package_runs_as_a_module():
    run = subprocess.run(
        [sys.executable, "-m", "ganaug", "--version"], capture_output=True, text=True
    )
    assert (run.returncode, run.stdout) == (0, f"ganaug {__version__}\n")


def test_without_typer_one_line_names_the_extra():
    code = "import sys; sys.modules['typer'] = None; from ganaug.cli import main; main([])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1
    assert "pip install 'ganaug[cli]'" in run.stderr


# --- augment: the original rows ------------------------------------------------------------------


@pytest.mark.parametrize("last", [True, False], ids=["newline at the end", "none"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_original_text_stays_byte_for_byte(tmp_path, newline, delimiter, last):
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


# --- augment: options ----------------------------------------------------------------------------


def test_the_seed_decides_the_rows(table):
    def rows(seed: int) -> str:
        return call("augment", table, "-t", "label", "--max-steps", 2, "--seed", seed).stdout

    assert rows(1) == rows(1) != rows(2)


@pytest.mark.parametrize(
    ("options", "rare"),
    [
        (["--sampling-strategy", "0.5"], 16),
        (["--sampling-strategy", "minority"], 32),
        (["--sampling-strategy", "rare=20"], 20),
        (["--sampling-strategy", "rare=20,ok=33"], 20),
        (["--sampling-strategy", "rare=20", "--sampling-strategy", "ok=33"], 20),
        (["--recipe", "gan"], 32),
        (["--categorical", "gap", "--device", "cpu"], 32),
    ],
)
def test_options_reach_the_estimator(table, options, rare):
    result = call("augment", table, "-t", "label", *options, *QUICK)
    assert result.exit_code == 0, result.stderr
    counts = Counter(row["label"] for row in rows_of(result.stdout))
    assert counts["rare"] == rare
    assert counts["ok"] == (33 if "ok=33" in "".join(options) else 32)


def test_categories_keep_to_the_values_there_are(tmp_path):
    path = tmp_path / "in.csv"
    lines = [f"{(i % 3) * 1000},{i % 7},{'a' if i < 30 else 'b'}" for i in range(40)]
    path.write_text("zip,x,y\n" + "\n".join(lines))
    for option in (["--categorical", "zip,x"], ["--categorical", "zip", "--categorical", "x"]):
        rows = rows_of(call("augment", path, "-t", "y", *option, *QUICK).stdout)
        assert {row["zip"] for row in rows} == {"0", "1000", "2000"}


def test_a_class_of_one_row_needs_consent(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("x,y\n" + "".join(f"{i},a\n" for i in range(20)) + "7,b\n")
    refused = call("augment", path, "-t", "y", *QUICK)
    assert refused.exit_code == 1
    assert "'b' has one row" in refused.stderr
    done = call("augment", path, "-t", "y", "--on-singleton", "duplicate", *QUICK)
    assert done.stdout.count("7,b\n") == 20


# --- messages ------------------------------------------------------------------------------------


def test_messages_and_progress_are_on_stderr_only(table):
    result = call("augment", table, "-t", "label", *QUICK)
    assert "class 'rare': 24 synthetic rows added" in result.stderr
    assert "2/2" in result.stderr  # the progress bar
    assert "ganaug" not in result.stdout


def test_a_warning_is_one_line(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("x,y\n" + "".join(f"{i % 9},{'b' if i < 4 else 'a'}\n" for i in range(40)))
    result = call("augment", path, "-t", "y", "-q", *QUICK)
    assert result.exit_code == 0
    (line,) = result.stderr.splitlines()
    assert line.startswith("ganaug: warning: Class 'b' has only 4 row")


def test_quiet_says_nothing(tmp_path):
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_text("x,y\n" + "".join(f"{i % 9},{'b' if i < 12 else 'a'}\n" for i in range(40)))
    result = call("augment", path, "-t", "y", "-q", "-o", out, *QUICK)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


# --- errors --------------------------------------------------------------------------------------

BAD_FILES = {
    "empty": (b"", "is empty"),
    "no rows": (b"x,label\n", "has a header but no rows"),
    "ragged": (b"x,label\n1,a\n1,2,b\n", "data row 2: 3 fields, the header has 2"),
    "twice": (b"x,x,label\n1,2,a\n", "more than one column named 'x'"),
    "quote": (b'x,label\n"1,a\n', "unexpected end of data"),
    "encoding": (b"x,label\n\xff,a\n", "is not utf-8 (byte 8)"),
    "one class": (b"x,label\n1,a\n2,a\n", "more than 1 class"),
    "no features": (b"label\na\nb\n", "no column besides the target"),
    "infinite": (b"x,label\n" + b"inf,a\n1,b\n2,b\n" * 9, "infinity"),
    "no label": (b"x,label\n" + b"1,\n1,b\n2,a\n" * 9, "NaN or None"),
}


def assert_one_line_error(result: Any, message: str) -> None:
    assert result.exit_code == 1
    assert result.stdout == ""
    lines = [s for s in result.stderr.splitlines() if not s.startswith("ganaug: warning: ")]
    (line,) = lines
    assert line.startswith("ganaug: error: ")
    assert message in line


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_one_line(tmp_path, name):
    content, message = BAD_FILES[name]
    path = tmp_path / "in.csv"
    path.write_bytes(content)
    assert_one_line_error(call("augment", path, "-t", "label", "-q", *QUICK), message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-t", "lable"], "did you mean 'label'?"),
        (["-t", "label", "--recipe", "wgan-pg"], "did you mean 'wgan-gp'?"),
        (["-t", "label", "--categorical", "gpa"], "did you mean 'gap'?"),
        (["-t", "label", "--sampling-strategy", "rar=40"], "did you mean 'rare'?"),
        (["-t", "label", "--sampling-strategy", "rare=2"], "an over-sampler only adds"),
        (["-t", "label", "--sampling-strategy", "rare=x"], "not LABEL=COUNT"),
        (["-t", "label", "--device", "abacus"], "abacus"),
        (["-t", "label", "--encoding", "klingon"], "no encoding 'klingon'"),
        (["-t", "label", "-o", "out.xlsx"], "'.xlsx' is none of"),
        (["-t", "label", "-o", "no/such/out.csv"], "There is no folder"),
    ],
)
def test_an_impossible_option_is_one_line(table, options, message):
    assert_one_line_error(call("augment", table, "-q", *options, *QUICK), message)


def test_missing_and_unreadable_files_are_one_line(tmp_path):
    for name in ("none.csv", "none.parquet"):
        missing = call("augment", tmp_path / name, "-t", "y")
        assert_one_line_error(missing, f"{name}: No such file or directory")
    (tmp_path / "bad.parquet").write_text("not parquet")
    assert_one_line_error(call("augment", tmp_path / "bad.parquet", "-t", "y"), "not a Parquet")
    (tmp_path / "folder.csv").mkdir()
    folder = call("augment", tmp_path / "folder.csv", "-o", tmp_path / "out")
    assert_one_line_error(folder, "one folder per class")
    assert_one_line_error(call("sample", tmp_path, "-n", 3), "No saved augmenter")


def test_debug_lets_the_error_through(table):
    result = call("augment", table, "-t", "nothing", "--debug")
    assert isinstance(result.exception, GanaugError)
    assert result.exit_code == 1


def test_an_unexpected_error_is_one_line_too(table, monkeypatch):
    def broken(*_: Any) -> None:
        raise RuntimeError("cogs\njammed")

    monkeypatch.setattr(GANAugmenter, "fit_resample", broken)
    result = call("augment", table, "-t", "label", "-q")
    assert_one_line_error(result, "unexpected RuntimeError: cogs jammed (--debug shows where)")


@pytest.mark.parametrize(
    "arguments",
    [
        ["augment", "x.csv"],
        ["augment", "-t", "y"],
        ["fit", "x.csv", "-t", "y"],
        ["sample", "model", "-n", "many"],
        ["sample", "model", "-n", "a=many"],
        ["sample", "model", "-n", "3", "-n", "4"],
        ["augment", "x.csv", "-t", "y", "--max-steps", "0"],
        ["augment", "x.csv", "-t", "y", "--on-singleton", "ignore"],
        ["agument"],
    ],
)
def test_wrong_usage_is_status_2(arguments):
    result = call(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr


def test_an_interrupt_is_status_130(table, monkeypatch):
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(GANAugmenter, "fit_resample", interrupted)
    result = call("augment", table, "-t", "label", "-q")
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == "ganaug: error: interrupted\n"


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_a_closed_pipe_is_silent(model):
    command = [sys.executable, "-m", "ganaug", "sample", str(model), "-n", "500", "-q"]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert run.stdout is not None
    run.stdout.close()
    assert run.stderr is not None
    assert run.stderr.read() == b""
    assert run.wait() == 141


# --- files ---------------------------------------------------------------------------------------


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


# --- parquet -------------------------------------------------------------------------------------


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


# --- fit and sample ------------------------------------------------------------------------------


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
    for name in ("new.csv", "new.tsv", "new.parquet"):
        result = call("sample", model, "-n", 4, "--seed", 1, "-o", tmp_path / name)
        assert (result.exit_code, result.stdout) == (0, "")
    assert len(rows_of((tmp_path / "new.csv").read_bytes())) == 4
    assert len(rows_of((tmp_path / "new.tsv").read_bytes(), "\t")) == 4
    assert pd.read_parquet(tmp_path / "new.parquet").columns[3] == "label"


def test_no_rows_is_a_header(model):
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
