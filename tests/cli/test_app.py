"""The ``ganaug`` command: how it starts, its options, messages and errors."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

pytest.importorskip("typer", reason="the command line needs the extra cli")
from ganaug import GanaugError, GANAugmenter, __version__
from tests.cli.tables import QUICK, assert_one_line_error, call, rows_of

HEAVY = {"imblearn", "matplotlib", "numpy", "pandas", "pyarrow", "scipy", "sklearn", "torch"}


# ------------------------------------------------------------------ start


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


# ------------------------------------------------------------------ augment: options


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
    """Options of the command are parameters of the estimator."""
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


# ------------------------------------------------------------------ messages


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
    """With --quiet nothing is said on standard error."""
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_text("x,y\n" + "".join(f"{i % 9},{'b' if i < 12 else 'a'}\n" for i in range(40)))
    result = call("augment", path, "-t", "y", "-q", "-o", out, *QUICK)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


# ------------------------------------------------------------------ errors


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
    """Missing and unknown arguments end with status 2, as by convention."""
    result = call(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr


def test_an_interrupt_is_status_130(table, monkeypatch):
    """Control-C ends with status 130 and one line."""

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(GANAugmenter, "fit_resample", interrupted)
    result = call("augment", table, "-t", "label", "-q")
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == "ganaug: error: interrupted\n"


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_a_closed_pipe_is_silent(model):
    """``ganaug sample ... | head`` ends without a complaint."""
    command = [sys.executable, "-m", "ganaug", "sample", str(model), "-n", "500", "-q"]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert run.stdout is not None
    run.stdout.close()
    assert run.stderr is not None
    assert run.stderr.read() == b""
    assert run.wait() == 141
