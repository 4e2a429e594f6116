"""Pipelines on disk, in other processes and in memory, and the page of the documentation."""

from __future__ import annotations

import copy
import gc
import json
import os
import pickle
import re
import subprocess
import sys
import weakref
from typing import Any

import pytest

pytest.importorskip("albumentations", reason="the adapter needs the extra 'albumentations'")
import albumentations as A

from ganaug import ArtifactError, SyntheticPool
from ganaug.albumentations import ReplaceRare
from tests.albumentations.support import RARE, SIZE, is_rare, real, save_pool, stream

# ------------------------------------------------------------------ importing


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if k != "NO_ALBUMENTATIONS_UPDATE"}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


# albumentations catches what the attempt raises: so the attempt ends the process.
OFFLINE = (
    "import os, socket\n"
    "def fail(*args, **kwargs): os._exit(17)\n"
    "socket.socket.connect = socket.socket.connect_ex = fail\n"
    "socket.getaddrinfo = socket.create_connection = fail\n"
)


def test_in_another_process_a_saved_pipeline_loads_without_network_and_torchvision(path, tmp_path):
    A.save(A.Compose([ReplaceRare(path, p=1.0)]), tmp_path / "pipeline.json")
    code = (
        "import sys; sys.modules['torchvision'] = None\n"
        "import ganaug.albumentations, albumentations as A, numpy as np\n"
        f"pipeline = A.load({str(tmp_path / 'pipeline.json')!r})\n"
        f"image = np.zeros(({SIZE}, {SIZE}, 3), np.uint8)\n"
        f"print(pipeline(image=image, label={RARE})['image'].min() >= 200)"
    )
    done = python(OFFLINE + code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True"]


def test_who_wants_albumentations_to_look_for_updates_gets_it():
    # It also shows that the test above would notice a connection.
    code = OFFLINE + "import ganaug.albumentations"
    assert python(code, NO_ALBUMENTATIONS_UPDATE="0").returncode == 17


def test_importing_ganaug_does_not_import_albumentations():
    code = "import sys, ganaug; print('albumentations' in sys.modules)"
    assert python(code).stdout.split() == ["False"]


def test_without_albumentations_the_error_says_what_to_install():
    code = (
        "import sys; sys.modules['albumentations'] = None\n"
        "try:\n    import ganaug.albumentations\n"
        "except ImportError as error:\n    print(error)"
    )
    assert "pip install 'ganaug[albumentations]'" in python(code).stdout


# ------------------------------------------------------------------ saving, copying, memory


def test_a_dictionary_holds_the_arguments_only(path):
    document = A.to_dict(ReplaceRare(path, "species", 0.25))["transform"]
    assert document == {
        "__class_fullname__": "ganaug.albumentations.ReplaceRare",
        "pool_path": str(path),
        "label_key": "species",
        "p": 0.25,
    }


@pytest.mark.parametrize("data_format", ["json", "yaml"])
def test_a_saved_pipeline_does_the_same(path, tmp_path, data_format):
    pipeline = A.Compose([ReplaceRare(path, p=0.4), A.HorizontalFlip()])
    again = A.from_dict(json.loads(json.dumps(A.to_dict(pipeline))))
    A.save(pipeline, tmp_path / "file", data_format=data_format)
    assert (tmp_path / "file").stat().st_size < 2000
    loaded = A.load(tmp_path / "file", data_format=data_format)
    for one in (pipeline, again, loaded):
        one.set_random_seed(3)
    assert stream(pipeline) == stream(again) == stream(loaded)
    assert repr(loaded) == repr(pipeline)
    assert str(path) in repr(loaded)


def test_a_pipeline_can_be_handled_where_the_pool_is_not(tmp_path):
    path = tmp_path / "later.pool"
    replace = A.from_dict(A.to_dict(ReplaceRare(path, p=1.0)))
    with pytest.raises(ArtifactError, match=r"later\.pool"):
        replace(image=real(), label=RARE)
    save_pool(path)
    assert is_rare(replace(image=real(), label=RARE)["image"])


def test_the_file_is_read_once(path, monkeypatch):
    replace = ReplaceRare(path, p=1.0)
    monkeypatch.setattr(SyntheticPool, "load", None)
    others = [
        ReplaceRare(path),
        ReplaceRare(os.path.relpath(path)),
        copy.deepcopy(replace),
        copy.deepcopy(A.Compose([replace]))[0],
        pickle.loads(pickle.dumps(replace)),
        A.from_dict(A.to_dict(replace)),
    ]
    assert all(other.pool is replace.pool for other in others)
    assert is_rare(others[2](image=real(), label=RARE)["image"])


def test_another_pool_under_the_same_path_is_seen_by_new_transforms_only(tmp_path):
    path = save_pool(tmp_path / "pool", label=0)
    old = ReplaceRare(path)
    save_pool(path, label=1)
    assert (list(old.pool.counts), list(ReplaceRare(path).pool.counts)) == ([0], [1])
    assert list(copy.deepcopy(old).pool.counts) == [0]


def test_the_memory_is_free_again_when_the_last_transform_is_gone(tmp_path):
    replace = ReplaceRare(save_pool(tmp_path / "pool"))
    pool = weakref.ref(replace.pool)
    del replace
    gc.collect()
    assert pool() is None


def test_a_pickle_holds_no_images(tmp_path):
    path = save_pool(tmp_path / "big.pool", size=256)
    assert len(pickle.dumps(A.Compose([ReplaceRare(path)]))) < 20_000


def test_the_blocks_of_the_page_run_in_order(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = root / "docs" / "albumentations.md"
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) > 3
    assert text.count("<!-- runnable -->") == len(blocks)
    namespace: dict[str, Any] = {"__name__": "page"}
    for block in blocks:
        exec(compile(block, str(page), "exec"), namespace)
