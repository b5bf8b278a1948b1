"""A server that answers as S3 does, on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def s3() -> Iterator[dict[str, Any]]:
    """Storage options to reach the server, which has a bucket ``bucket``."""
    boto3 = pytest.importorskip("boto3")
    server_module = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    server = server_module.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client("s3", endpoint_url=url, aws_access_key_id="id", aws_secret_access_key="secret", region_name="us-east-1")
    client.create_bucket(Bucket="bucket")
    yield {"key": "id", "secret": "secret", "client_kwargs": {"endpoint_url": url, "region_name": "us-east-1"}}
    server.stop()
