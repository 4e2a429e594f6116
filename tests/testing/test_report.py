"""The runner of checks, and the tables that it prints."""

from __future__ import annotations

import dataclasses
import pickle
import subprocess
import sys
import warnings

import pytest

from ganaug import ConfigError, GanaugError, GanaugWarning
from ganaug.testing import CheckError, CheckReport, CheckRow
from ganaug.testing.codecs import CODEC_CHECKS
from ganaug.testing.losses import LOSS_CHECKS
from ganaug.testing.networks import NETWORK_CHECKS
from ganaug.testing.recipes import RECIPE_CHECKS
from ganaug.testing.report import WIDTH, require, run_checks, skip


def is_even(number):
    """Be even."""
    require(number % 2 == 0, f"{number} is odd")


def is_half_of_an_even_one(number):
    """Be half of an even number."""
    require(number % 4 == 0, "its half is odd")


def is_positive(number):
    """Be positive."""
    if number == 0:
        skip("zero has no sign")
    require(number > 0, "it is negative")


def has_a_reciprocal(number):
    """Have a reciprocal."""
    1 / number


CHECKS = {
    is_even: (),
    is_half_of_an_even_one: (is_even,),
    is_positive: (),
    has_a_reciprocal: (is_half_of_an_even_one,),
}


def test_results_are_passed_failed_and_skipped():
    report = run_checks("zero", CHECKS, 0, "report")
    assert [row.outcome for row in report.rows] == ["passed", "passed", "skipped", "failed"]
    assert report.rows[-1].why == "ZeroDivisionError: division by zero"
    assert not report.passed
    assert report.failed == ("has_a_reciprocal",)


def test_a_check_without_what_it_needs_is_skipped_and_so_are_those_that_need_it():
    report = run_checks("three", CHECKS, 3, "report")
    assert report.failed == ("is_even",)
    assert [row.why for row in report.rows if row.outcome == "skipped"] == [
        "needs is_even",
        "needs is_half_of_an_even_one",
    ]


def test_the_table_shows_all_rows_and_the_error_those_that_failed():
    with pytest.raises(AssertionError) as caught:
        run_checks("three", CHECKS, 3, "raise")
    assert isinstance(caught.value, CheckError)
    assert isinstance(caught.value, GanaugError)
    assert str(caught.value).splitlines() == [
        "three: 1 checks passed, 1 failed, 2 skipped",
        "missing  why",
        "is_even  Be even. Found: 3 is odd",
    ]
    assert str(caught.value.report).splitlines()[1:] == [
        "check                   result   why",
        "is_even                 failed   3 is odd",
        "is_half_of_an_even_one  skipped  needs is_even",
        "is_positive             passed   Be positive.",
        "has_a_reciprocal        skipped  needs is_half_of_an_even_one",
    ]


def test_what_passes_is_returned():
    report = run_checks("four", CHECKS, 4, "raise")
    assert report.passed
    assert report.rows[0] == CheckRow("is_even", "passed", "", "Be even.")


def test_long_reasons_are_wrapped():
    rows = (CheckRow("a_check", "failed", "too long " * 40, "Be short."),)
    for text in (str(CheckReport("a part", rows)), CheckReport("a part", rows).missing()):
        assert max(map(len, text.splitlines())) <= WIDTH
        assert text.count("too long") == 40


def test_reports_are_data():
    report = run_checks("three", CHECKS, 3, "report")
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.part = "four"
    error = pickle.loads(pickle.dumps(CheckError(report)))
    assert (error.report, str(error)) == (report, report.missing())


def test_an_unknown_way_to_fail_is_refused():
    with pytest.raises(ConfigError, match="did you mean 'report'"):
        run_checks("three", CHECKS, 3, "reports")


def test_warnings_of_ours_about_tiny_data_are_not_shown():
    def warned(number):
        """Warn."""
        warnings.warn("few rows", GanaugWarning, stacklevel=1)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run_checks("three", {warned: ()}, 3, "report").passed


@pytest.mark.parametrize("checks", [LOSS_CHECKS, NETWORK_CHECKS, RECIPE_CHECKS, CODEC_CHECKS])
def test_checks_say_in_a_line_what_they_ask_for_and_need_earlier_ones(checks):
    before = set()
    for check, needs in checks.items():
        line, _, rest = check.__doc__.partition("\n")
        assert line.endswith(".")
        assert not rest
        assert set(needs) <= before
        before.add(check)


def test_importing_ganaug_does_not_load_the_checks():
    # That nothing else under ganaug/ imports them holds by the import contract.
    code = "import sys, ganaug; print('ganaug.testing' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
