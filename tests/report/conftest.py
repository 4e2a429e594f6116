"""Reports to look at, made once: a mixed table and a few digits."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from ganaug import GANAugmenter, Report, quality_report
from tests.report.support import few_digits, mixed_table


@pytest.fixture(scope="session")
def table() -> tuple[pd.DataFrame, pd.Series]:
    return mixed_table()


@pytest.fixture(scope="session")
def table_report(table: Any) -> Report:
    return quality_report(GANAugmenter(max_steps=30), *table, random_state=0)


@pytest.fixture(scope="session")
def image_report() -> Report:
    augmenter = GANAugmenter(max_steps=20, random_state=0)
    return quality_report(augmenter, *few_digits(), random_state=0)


@pytest.fixture(scope="session")
def table_html(table_report: Report) -> str:
    return table_report.to_html()


@pytest.fixture(scope="session")
def image_html(image_report: Report) -> str:
    return image_report.to_html()
