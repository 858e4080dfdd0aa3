"""One Prefect server for all tests of a process: starting one takes long."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import pipelines  # noqa: F401  (settings, before anything imports prefect)
from tests.pipelines.server import prefect_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prefect server on loopback, used by flows in this process and in those that it starts."""
    from prefect.logging.handlers import APILogHandler
    from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

    home = tmp_path_factory.mktemp("prefect")
    with prefect_server(home) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_API_URL", url)
        patch.setenv("PREFECT_HOME", str(home))
        with temporary_settings({PREFECT_API_URL: url, PREFECT_HOME: home}):
            yield url
            APILogHandler().flush()
