"""An object store to test against: a server on this machine that speaks S3's protocol."""

import uuid
from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest


class S3Server:
    """A running server; `bucket` makes a new bucket and gives its URL."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def bucket(self) -> str:
        name = f"bucket-{uuid.uuid4().hex}"
        urlopen(Request(f"{self.endpoint}/{name}", method="PUT")).close()
        return f"s3://{name}"

    def check_credentials(self, after: float) -> None:
        """Accept that many more requests without looking who asks; infinity for all."""
        headers = {"Content-Type": "text/plain"}
        address = f"{self.endpoint}/moto-api/reset-auth"
        urlopen(Request(address, str(after).encode(), headers, method="POST")).close()


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """The server, with the environment of this process set to find it."""
    pytest.importorskip("s3fs", reason="s3fs is absent: pip install 'seqbench[remote]'")
    moto = pytest.importorskip("moto.server", reason="moto is absent: pip install 'moto[server]'")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        environment.setenv("AWS_ACCESS_KEY_ID", "someone")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        environment.setenv("AWS_MAX_ATTEMPTS", "1")
        yield S3Server(f"http://{host}:{port}")
    server.stop()
