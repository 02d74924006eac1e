"""The same rows from a Ray cluster of two nodes, logs that kill their worker and logs that hang included."""

from __future__ import annotations

import json

import pytest

from autonomy.cli.main import main
from autonomy.corpus.case import Case, Settings


@pytest.fixture(scope="module")
def two_nodes(tmp_path_factory):
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    options = {"num_cpus": 1, "object_store_memory": 80_000_000}
    cluster = Cluster(initialize_head=True, head_node_args={**options, "include_dashboard": False})
    cluster.add_node(**options)
    ray.init(address=cluster.address, log_to_driver=False)
    yield ray
    ray.shutdown()
    cluster.shutdown()


@pytest.mark.slow
def test_two_nodes_share_the_cases_and_outlive_bad_ones(two_nodes):
    from autonomy.corpus import cluster

    assert len([node for node in two_nodes.nodes() if node["Alive"]]) == 2
    names = ["good-1", "killed-1", "good-2", "hangs-1", "good-3", "segfault-1", "good-4"]
    cases = [Case(name, "", time_out_s=2.0 if name.startswith("hangs") else None) for name in names]
    rows = {row["name"]: row for row in cluster.run(cases, Settings("unused"), 2, "tests.corpus.misbehaving:run_case")}
    assert sorted(rows) == sorted(names)
    assert all(rows[name]["verdict"] == ("pass" if name.startswith("good") else "error") for name in names)
    assert "timed out" in rows["hangs-1"]["reason"] and "SIGKILL" in rows["killed-1"]["reason"]


@pytest.mark.slow
def test_both_engines_give_the_same_summary(two_nodes, corpus, tmp_path, capsys):
    told = {}
    for engine in ("process", "ray"):
        assert main(["test", str(corpus), "-o", str(tmp_path / engine), "-j", "2", "--engine", engine, "--json"]) == 3
        told[engine] = json.loads(capsys.readouterr().out)
    assert told["ray"] == told["process"]
    for name in ("summary.json", "results.parquet", "index.html"):
        assert (tmp_path / "ray" / name).read_bytes() == (tmp_path / "process" / name).read_bytes()


def test_a_cluster_that_nobody_runs_is_told_in_seconds(corpus, tmp_path, monkeypatch, capsys):
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    from autonomy.corpus import cluster

    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("ray.init", lambda **options: pytest.fail("Ray was asked"))
    assert main(["test", str(corpus / "a.mcap"), "-o", str(tmp_path / "out"), "--engine", "ray"]) == 4
    assert "no Ray cluster at RAY_ADDRESS=127.0.0.1:9" in capsys.readouterr().err
    for local in (None, "", "auto", "local"):
        cluster._require_reachable(local)
