"""What the tests of AWS share: one moto for each worker, and no configuration of the machine's own."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from servers.aws import forget, moto


@pytest.fixture(scope="session")
def moto_port() -> Iterator[int]:
    """Return the port of moto."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with moto() as port:
        yield port


@pytest.fixture
def fresh_moto(moto_port: int) -> int:
    """Return the port of moto, which has nothing yet."""
    forget(moto_port)
    return moto_port


@pytest.fixture
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the machine's own keys, regions and files away from boto3."""
    nowhere = tmp_path_factory.getbasetemp() / "no-aws"
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_RETRY_MODE", "AWS_MAX_ATTEMPTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(nowhere / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nowhere / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
