"""Which proxy: the rules of Go's net/http, which users of kubectl know."""

import pytest

from velero_volume_controller.kube.proxies import proxy_for

PROXY = "http://proxy:3128"

CASES = {
    "no variable, no proxy": ("https://10.96.0.1", {}, None),
    "the variable of the scheme": ("https://10.96.0.1", {"HTTPS_PROXY": PROXY}, PROXY),
    "the variable of another scheme": ("https://10.96.0.1", {"HTTP_PROXY": PROXY}, None),
    "in lower case": ("https://10.96.0.1", {"https_proxy": PROXY}, PROXY),
    "without a scheme": ("https://10.96.0.1", {"HTTPS_PROXY": "proxy:3128"}, PROXY),
    "loopback": ("https://127.0.0.1:6443", {"HTTPS_PROXY": PROXY}, None),
    "localhost": ("https://localhost:6443", {"HTTPS_PROXY": PROXY}, None),
}

#: What NO_PROXY holds, and whether that exempts the server.
EXEMPT = {
    "a network that holds it": ("https://10.96.0.1:443", ".svc,10.0.0.0/8", True),
    "a network that does not": ("https://10.96.0.1:443", "192.168.0.0/16", False),
    "no network at all": ("https://10.96.0.1:443", "10.0.0.0/x", False),
    "its address among others, with spaces": ("https://10.96.0.1", "a.b, 10.96.0.1", True),
    "its address with its port": ("https://10.96.0.1:6443", "10.96.0.1:6443", True),
    "its address with another port": ("https://10.96.0.1:6443", "10.96.0.1:443", False),
    "an IPv6 network": ("https://[fd00::1]:6443", "fd00::/8", True),
    "an IPv6 address with its port": ("https://[fd00::1]:6443", "[fd00::1]:6443", True),
    "an IPv6 address": ("https://[fd00::1]:6443", "fd00::1", True),
    "its name": ("https://api.example.com", "api.example.com", True),
    "a domain above it": ("https://api.example.com", "example.com", True),
    "a domain above it with a dot": ("https://api.example.com", ".example.com", True),
    "a domain above it with an asterisk": ("https://api.example.com", "*.example.com", True),
    "a domain it only ends like": ("https://badexample.com", "example.com", False),
    "everything": ("https://10.96.0.1", "*", True),
    "nothing": ("https://10.96.0.1", "", False),
}


@pytest.mark.parametrize(("server", "environment", "proxy"), CASES.values(), ids=CASES.keys())
def test_the_proxy(server: str, environment: dict[str, str], proxy: str | None) -> None:
    assert proxy_for(server, environment) == proxy


@pytest.mark.parametrize(("server", "no_proxy", "exempt"), EXEMPT.values(), ids=EXEMPT.keys())
def test_what_no_proxy_exempts(server: str, no_proxy: str, exempt: bool) -> None:
    found = proxy_for(server, {"HTTPS_PROXY": PROXY, "NO_PROXY": no_proxy})
    assert found == (None if exempt else PROXY)
