"""The network that clients use by default: certificates, timeouts, and the proxy of the environment."""

import httpx
import pytest

from yandex_market_chats import ConfigurationError
from yandex_market_chats._settings import check_timeout, transport_options

URL = httpx.URL("https://api.example.test")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the proxies of the person who runs the tests."""
    for name in ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize("value", ["proxy.example.test:3128", "http://proxy.example.test:3128"])
def test_a_proxy_is_an_http_proxy_unless_it_says_otherwise(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other programs read the same variable so; such a proxy has no certificate to verify."""
    monkeypatch.setenv("HTTPS_PROXY", value)
    proxy = transport_options(URL)["proxy"]
    assert (proxy.url, proxy.ssl_context) == ("http://proxy.example.test:3128", None)


def test_an_https_proxy_is_verified_like_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    """A company's proxy has a certificate of the company's own authority."""
    monkeypatch.setenv("ALL_PROXY", "https://proxy.example.test")
    options = transport_options(URL)
    assert options["proxy"].ssl_context is options["verify"]


def test_no_connection_is_kept_and_nothing_else_is_read() -> None:
    """The API does not support keep-alive, and only documented variables may change where a token goes."""
    options = transport_options(URL)
    assert options["limits"].max_keepalive_connections == 0
    assert options["trust_env"] is False
    assert "proxy" not in options


def test_unreadable_certificates_name_their_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The value of the variable is not repeated, because settings get into logs."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/certificates.pem")
    with pytest.raises(ConfigurationError) as caught:
        transport_options(URL)
    assert str(caught.value) == "No certificates could be read: correct SSL_CERT_FILE or SSL_CERT_DIR."


def test_a_timeout_may_be_shorter_than_a_second() -> None:
    """Programs that answer people cannot wait for long."""
    assert check_timeout(0.5) == httpx.Timeout(0.5)
