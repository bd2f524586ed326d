"""Whom we believe about where a request came from: nobody, but the proxies we were told of."""

import pytest
from pydantic import ValidationError

from app.settings import Settings
from tests.server.sockets import Told, listening

SPOOFED = b"X-Forwarded-For: 1.2.3.4, 127.0.0.1, 5.6.7.8\r\nX-Forwarded-Proto: https\r\n"


async def reached(trusted: str, headers: bytes) -> Told:
    """Return what the application sees of a request from this machine."""
    async with listening(Settings(port=0, trusted_proxies=trusted)) as server:
        await server.say(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + b"\r\n")
        (told,) = server.echo.told
    return told


async def test_nobody_is_believed_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    from_anyone = await reached("", SPOOFED)
    from_another = await reached("10.0.0.0/8, 192.0.2.1", SPOOFED)

    assert (from_anyone.client[0], from_anyone.scheme) == ("127.0.0.1", "http")
    assert (from_another.client[0], from_another.scheme) == ("127.0.0.1", "http")


@pytest.mark.parametrize(
    ("trusted", "headers", "client"),
    [
        pytest.param("127.0.0.1", SPOOFED, "5.6.7.8", id="the last one is the proxy's own word"),
        pytest.param("127.0.0.0/8,5.6.7.0/24", SPOOFED, "1.2.3.4", id="a chain of proxies, all named"),
        pytest.param("127.0.0.1", SPOOFED + b"X-Forwarded-For: 9.9.9.9\r\n", "9.9.9.9", id="a second header"),
        pytest.param("127.0.0.1", b"X-Forwarded-For: \r\n", "127.0.0.1", id="a proxy that says nothing"),
        pytest.param("127.0.0.1", b"Forwarded: for=1.2.3.4\r\n", "127.0.0.1", id="another header"),
    ],
)
async def test_a_named_proxy_is_believed_about_its_own_client(
    trusted: str, headers: bytes, client: str
) -> None:
    told = await reached(trusted, headers)

    assert told.client[0] == client
    assert told.scheme == ("https" if b"https" in headers else "http")


@pytest.mark.parametrize("wrong", ["*", "proxy.example", "10.0.0.1/8", "10.0.0.0/8;10.1.0.0/16"])
def test_only_networks_and_addresses_can_be_named(wrong: str) -> None:
    with pytest.raises(ValidationError):
        Settings(trusted_proxies=wrong)
