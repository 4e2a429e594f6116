"""How every benchmark runs: in order, within the time limit, and on from where it stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import _run
from benchmarks._run import Run, Unit
from benchmarks._scores import ScoreFile


@dataclass(frozen=True)
class Settings:
    """What a run has to know."""

    max_minutes: float | None = None
    fresh: bool = False


class Counting(Run[tuple[str, int]]):
    """Two folds of two sets; a unit of the set "slow" takes 30 seconds, any other one 10."""

    measured: list[str]
    clock = 0.0

    def units(self) -> Iterator[Unit[tuple[str, int]]]:
        for fold in range(2):
            for name in ("quick", "slow"):
                yield Unit(f"{name} {fold}", name, f"{name} {fold}", (name, fold))

    def measure(self, work: tuple[str, int]) -> None:
        name, fold = work
        key = f"{name} {fold}"
        if key in self.done:
            self.rows.append(self.done[key])
            return
        self.measured = [*getattr(self, "measured", []), key]
        Counting.clock += 30 if name == "slow" else 10
        self.add({"key": key, "failed": name == "slow"})


@pytest.fixture
def run(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return how to make a run; its clock is moved by what it measures."""
    monkeypatch.setattr(Counting, "clock", 0.0)
    monkeypatch.setattr(_run, "time", SimpleNamespace(perf_counter=lambda: Counting.clock))

    def make(**settings: Any) -> Counting:
        made = Settings(**settings)
        return Counting(made, tmp_path / "out" / "r.jsonl", tmp_path / "cache", say=lambda _: None)

    return make


def test_a_unit_is_begun_if_it_would_end_in_time_judged_by_its_kind(run: Any) -> None:
    """Quick ones still fit where a slow one does not; an unknown kind is as slow as the slowest."""
    all_of_it = run()
    all_of_it.execute()
    assert all_of_it.measured == ["quick 0", "slow 0", "quick 1", "slow 1"]
    assert not all_of_it.cut
    Counting.clock = 0.0
    cut = run(max_minutes=79 / 60, fresh=True)
    rows = cut.execute()
    assert cut.measured == [row["key"] for row in rows] == ["quick 0", "slow 0", "quick 1"]
    assert cut.cut == ["slow 1"]
    Counting.clock = 0.0
    short = run(max_minutes=19 / 60, fresh=True)
    short.execute()
    assert short.measured == ["quick 0"]
    assert short.cut == ["slow 0", "quick 1", "slow 1"]


def test_a_limit_that_leaves_nothing_is_an_error(run: Any) -> None:
    nothing = run(max_minutes=-1)
    with pytest.raises(SystemExit, match="nothing to run"):
        nothing.execute()


def test_what_is_done_is_taken_over_and_what_failed_is_tried_again(run: Any) -> None:
    first = run().execute()
    again = run()
    assert again.execute() == first
    assert again.measured == ["slow 0", "slow 1"]
    fresh = run(fresh=True)
    fresh.execute()
    assert len(fresh.measured) == 4


def test_a_line_that_a_kill_cut_short_costs_that_line_alone(tmp_path: Any) -> None:
    path = tmp_path / "new" / "scores.jsonl"
    ScoreFile(path).add({"a": 1}, {"a": 2})
    kept = path.read_text()
    path.write_text(kept + '{"a": 3, "b')
    file = ScoreFile(path)
    file.add({"a": 4})
    assert file.read() == [{"a": 1}, {"a": 2}, {"a": 4}]
    assert path.read_text().startswith(kept)
    assert ScoreFile(path, fresh=True).read() == []


@pytest.mark.parametrize("change", [{"ganaug": False}, {"device": "x"}, {"fold": 1}, {"more": 0}])
def test_a_key_is_of_all_that_a_result_depends_on(
    change: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {"ganaug": True, "device": "cpu", "fold": 0}
    key = _run.fingerprint(**facts)
    assert key == _run.fingerprint(**json.loads(json.dumps(facts)))
    assert key != _run.fingerprint(**facts | change)
    monkeypatch.setattr("benchmarks._environment.ganaug_source_digest", lambda: "changed")
    assert key != _run.fingerprint(**facts)
    without = facts | {"ganaug": False}
    before = _run.fingerprint(**without)
    monkeypatch.setattr("benchmarks._environment.ganaug_source_digest", lambda: "again")
    assert before == _run.fingerprint(**without)
