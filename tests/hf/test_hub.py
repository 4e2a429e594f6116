"""A dataset with synthetic rows that is pushed to the Hub arrives as it is."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

pytest.importorskip("datasets", reason="Hugging Face datasets need the extra 'hf'")
from datasets import DatasetDict, load_dataset

from tests.hf.support import arrow, augmented

pytestmark = pytest.mark.filterwarnings("ignore::ganaug.GanaugWarning")


class FakeHub:
    """A Hub behind the HTTP transport: it keeps the files of commits in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.large: dict[str, bytes] = {}

    def answer(self, request: Any) -> dict[str, Any]:
        path, body = request.url.path, request.read()
        if request.method == "PUT":
            self.large[path.rpartition("/")[2]] = body
            return {}
        if path.endswith("/info/lfs/objects/batch"):
            objects = [
                {**wanted, "actions": {"upload": {"href": f"https://storage/{wanted['oid']}"}}}
                for wanted in json.loads(body)["objects"]
            ]
            return {"transfer": "basic", "objects": objects}
        if "/preupload/" in path:
            names = [file["path"] for file in json.loads(body)["files"]]
            modes = {name: "lfs" if name.endswith(".parquet") else "regular" for name in names}
            files = [{"path": n, "uploadMode": m, "shouldIgnore": False} for n, m in modes.items()]
            return {"files": files}
        if "/commit/" in path:
            self.commit([json.loads(line) for line in body.splitlines()])
        url = "https://huggingface.co/datasets/me/digits"
        return {
            **{"id": "me/digits", "sha": "0" * 40, "siblings": [], "private": False, "tags": []},
            **{"url": url, "commitUrl": f"{url}/commit/{0:040}", "commitOid": f"{0:040}"},
        }

    def commit(self, lines: list[dict[str, Any]]) -> None:
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                self.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                self.files[value["path"]] = self.large[value["oid"]]


@pytest.fixture
def hub(monkeypatch):
    huggingface_hub = pytest.importorskip("huggingface_hub", minversion="2.0")
    httpx = pytest.importorskip("httpx2")
    fake = FakeHub()

    def respond(request: Any) -> Any:
        if "/tree/" in request.url.path:  # nothing was pushed before
            return httpx.Response(404, headers={"X-Error-Code": "EntryNotFound"})
        return httpx.Response(200, json=fake.answer(request))

    def client() -> Any:
        return httpx.Client(transport=httpx.MockTransport(respond))

    # Its own protocol for large files bypasses HTTP clients; the other one does the same.
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    huggingface_hub.set_client_factory(client)
    yield fake
    huggingface_hub.set_client_factory(huggingface_hub.utils._http.default_client_factory)


def test_pushed_to_the_hub_it_arrives_as_it_is(images, fitted_images, hub, tmp_path):
    splits = DatasetDict(train=images, test=images.select(range(5)))
    result = augmented(splits, fitted_images)
    result.push_to_hub("me/digits", token="hf_fake")
    pushed = {name: data for name, data in hub.files.items() if name.endswith(".parquet")}
    assert len(pushed) == 2
    for split in ("train", "test"):
        (data,) = (data for name, data in pushed.items() if split in name)
        (tmp_path / f"{split}.parquet").write_bytes(data)
    files = {split: str(tmp_path / f"{split}.parquet") for split in ("train", "test")}
    again = load_dataset("parquet", data_files=files)
    for split in result:
        assert again[split].features == result[split].features
        assert arrow(again[split]).equals(arrow(result[split]))
    card = hub.files["README.md"].decode()
    assert "num_examples: 32" in card
    assert "is_synthetic" in card
