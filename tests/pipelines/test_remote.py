"""A DVC remote: push here, clone there, pull, and there is nothing left to compute."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipelines.faces import ToyProject


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> ToyProject:
    return ToyProject(tmp_path_factory.mktemp("origin"))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server on loopback that speaks S3, with a bucket `footage`."""
    pytest.importorskip("dvc_s3")
    server = pytest.importorskip("moto.server")
    thread = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "ACCESS_KEY_ID": "test",
            "SECRET_ACCESS_KEY": "test",
            "DEFAULT_REGION": "us-east-1",
        }.items():
            patch.setenv(f"AWS_{name}", value)
        thread.start()
        try:
            url = "http://{}:{}".format(*thread.get_host_and_port())
            import boto3

            boto3.client("s3", endpoint_url=url).create_bucket(Bucket="footage")
            yield url
        finally:
            thread.stop()


def travel(origin: ToyProject, target: Path) -> ToyProject:
    """Push, clone, pull."""
    origin.commit("Remote")
    origin.dvc("push", "--quiet")
    subprocess.run(["git", "clone", "--quiet", str(origin.root), str(target)], check=True)
    clone = origin.at(target)
    assert not (target / "data/models").exists()
    clone.dvc("pull", "--quiet")
    return clone


def check(origin: ToyProject, clone: ToyProject) -> None:
    """The clone has every output, byte for byte, and DVC has nothing to do."""
    assert "Data and pipelines are up to date." in clone.dvc("repro")
    data = {name: content for name, content in origin.state().items() if name.startswith("data/")}
    assert {name: content for name, content in clone.state().items() if name.startswith("data/")} == data
    assert any(name.startswith("data/raw/anna/") for name in data) and "data/models/face/model.json" in data
    assert not clone.git("status", "--porcelain")


def test_local_remote(origin: ToyProject, tmp_path: Path) -> None:
    origin.dvc("remote", "add", "--default", "--force", "store", str(tmp_path / "store"))
    check(origin, travel(origin, tmp_path / "clone"))


@pytest.mark.slow
def test_s3_remote(origin: ToyProject, tmp_path: Path, address: str) -> None:
    origin.dvc("remote", "add", "--default", "--force", "store", "s3://footage/speakers/anna")
    origin.dvc("remote", "modify", "store", "endpointurl", address)
    check(origin, travel(origin, tmp_path / "clone"))
