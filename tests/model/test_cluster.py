"""The same work on a local Dask cluster of two workers gives the same results."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from model import cluster
from model.errors import InvalidInput
from model.records import data
from model.serving import artifact
from tests.model.raw_files import mat_bytes, nasa_archive
from tests.servers import ROOT

pytestmark = pytest.mark.lasting

distributed = pytest.importorskip("distributed", reason="needs the packages dask and distributed")


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """A scheduler with two workers, each a process of its own."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *([before] if before else [])])
    try:
        with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
        ) as local:
            yield local.scheduler_address
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def test_features_are_the_same_bytes(scheduler: str, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for i, cell in enumerate(["B0005", "B0006", "B0018"]):
        (raw / f"{cell}.mat").write_bytes(mat_bytes(cell, [1.9 - 0.1 * i, 1.8, 0.0]))
    data.build(raw, tmp_path / "here")
    with cluster.on_scheduler(scheduler) as run:
        assert data.build(raw, tmp_path / "there", run=run) == ["B0005", "B0006", "B0018"]
        archive = nasa_archive(tmp_path / "archive.zip", {"one": {"B0005": mat_bytes("B0005", [1.9])}})
        with pytest.raises(InvalidInput, match="a folder"):
            data.build(archive, tmp_path / "never", run=run)
    for path in sorted((tmp_path / "here").rglob("*")):
        if path.is_file():
            assert (tmp_path / "there" / path.relative_to(tmp_path / "here")).read_bytes() == path.read_bytes()


@pytest.mark.long
def test_training_gives_the_same_model(scheduler: str, tmp_path: Path) -> None:
    cycles = data.load_cycles()
    few = cycles[cycles["cell"].isin(["B0005", "B0006", "B0018", "B0046"])]
    local = artifact.train(few).save(tmp_path / "local")
    with cluster.on_scheduler(scheduler) as run:
        remote = artifact.train(few, run=run).save(tmp_path / "remote")
    assert remote.card["metrics"] == local.card["metrics"]
    assert remote.sha256 == local.sha256
    assert local.card["training_cells"] == ["B0005", "B0006", "B0018", "B0046"]


def test_processes_of_this_machine_give_results_in_the_order_of_the_work() -> None:
    """That they give the same model follows: each result is whole, and pickled as for the cluster above."""
    for count in (1, 2):
        with cluster.on_processes(count) as run:
            assert list(run(divmod, [(7, 2), (9, 4), (5, 5)])) == [(3, 1), (2, 1), (1, 0)]
            assert isinstance(next(run(os.getpid, [()])), int)
    with cluster.on_processes(2) as run:
        assert next(run(os.getpid, [()])) != os.getpid()
        with pytest.raises(ZeroDivisionError):
            list(run(divmod, [(1, 0)]))


def test_no_scheduler_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_TIMEOUT_s", 1)
    with pytest.raises(InvalidInput, match="scheduler"), cluster.on_scheduler("tcp://127.0.0.1:9"):
        pass
