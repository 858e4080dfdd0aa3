"""The synthetic run, built once."""

import pytest

from tests.evaluation.synthetic_run import Run, build_run


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return build_run(tmp_path_factory.mktemp("run"))
