"""Fixtures of the tests of ganaug.hf: datasets, and augmenters that are fitted on them once.

What needs Hugging Face datasets is imported where it is used: they may be missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ganaug import GANAugmenter


@pytest.fixture(autouse=True, scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No progress bars, no wait of seconds after each stream, and a cache of our own."""
    import datasets

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "SLEEP_TIME_ON_THREADS_SHUTDOWN", 0, raising=False)
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
        datasets.disable_progress_bars()
        yield
        datasets.enable_progress_bars()


@pytest.fixture(scope="module")
def parquet(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a Parquet file of rows."""
    from tests.hf.support import write_rows

    return write_rows(tmp_path_factory.mktemp("table") / "table.parquet")


@pytest.fixture(scope="module")
def table(parquet: str) -> Any:
    """Return a dataset of rows, 12 of 40 of the rare class."""
    from datasets import load_dataset

    return load_dataset("parquet", data_files=parquet, split="train")


@pytest.fixture(scope="module")
def fitted(table: Any) -> GANAugmenter:
    """Return an augmenter that is fitted on the dataset of rows."""
    from tests.hf.support import LEARNED, fitted_on

    return fitted_on(table, feature_columns=LEARNED)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a dataset of grey digits, 10 of 26 of the rare class."""
    from datasets import load_dataset

    from tests.hf.support import digit_images, image_dataset

    path = str(tmp_path_factory.mktemp("images") / "images.parquet")
    image_dataset(digit_images()).to_parquet(path)
    return load_dataset("parquet", data_files=path, split="train")


@pytest.fixture(scope="module")
def fitted_images(images: Any) -> GANAugmenter:
    """Return an augmenter that is fitted on the dataset of images."""
    from tests.hf.support import fitted_on

    return fitted_on(images)
