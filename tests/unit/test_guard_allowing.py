"""What `guard.allow` lets through, before any name is looked up."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from serdab.guard import AllowList, BadAllowList, Denied, DeniedAddress, DeniedHost, DeniedUrl, check_url
from serdab.guard.addresses import is_outside

INSIDE = [
    "0.0.0.0",  # noqa: S104 (an address to refuse, not to listen on)
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.192",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::a00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "2001::1",
    "2001:db8::1",
    "2002:a00:1::",
    "3fff::1",
    "5f00::1",
    "4000::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_the_house_is_never_outside(address: str) -> None:
    assert not is_outside(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111"])
def test_a_public_address_is_outside(address: str) -> None:
    assert is_outside(ip_address(address))


def test_nothing_is_allowed_by_an_empty_list() -> None:
    with pytest.raises(DeniedHost, match=r"add example\.com:443"):
        check_url("https://example.com/", AllowList.read(""))


@pytest.mark.parametrize(
    ("allow", "url"),
    [
        ("example.com", "https://example.com/hook?x=1"),
        ("example.com", "http://EXAMPLE.com./"),
        ("example.com:8443", "https://example.com:8443/"),
        ("*.example.com", "https://a.b.example.com/"),
        (" other.org , Example.com ", "https://example.com/"),
        ("127.0.0.1:9000", "http://127.0.0.1:9000/"),
        ("[::1]:9000", "http://[::1]:9000/"),
        ("8.8.8.8", "https://8.8.8.8/"),
        ("10.0.0.5:443", "https://10.0.0.5/"),
    ],
)
def test_a_listed_host_is_allowed(allow: str, url: str) -> None:
    assert check_url(url, AllowList.read(allow)).raw_host


@pytest.mark.parametrize(
    ("allow", "url"),
    [
        ("example.com", "https://example.com:8443/"),
        ("example.com", "https://www.example.com/"),
        ("*.example.com", "https://example.com/"),
        ("*.example.com", "https://badexample.com/"),
        ("example.com", "https://example.com.evil.org/"),
        ("example.com:8443", "https://example.com/"),
        ("127.0.0.1:9000", "http://127.0.0.1:9001/"),
        ("127.0.0.1:9000", "http://2130706433:9000/"),
        ("127.0.0.1:9000", "http://0x7f.1:9000/"),
    ],
)
def test_a_host_that_is_not_listed_is_denied(allow: str, url: str) -> None:
    with pytest.raises(Denied):
        check_url(url, AllowList.read(allow))


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://[::ffff:127.0.0.1]/", "http://169.254.169.254/latest"])
def test_an_address_inside_needs_its_own_port_in_the_list(url: str) -> None:
    with pytest.raises(DeniedAddress, match="with its port"):
        check_url(url, AllowList.read("127.0.0.1,::ffff:127.0.0.1,169.254.169.254"))


@pytest.mark.parametrize("host", ["224.0.0.1", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "[::ffff:0.0.0.0]"])  # noqa: S104
def test_an_address_that_nobody_means_is_denied_even_when_it_is_listed(host: str) -> None:
    with pytest.raises(DeniedAddress):
        check_url(f"http://{host}:80/", AllowList.read(f"{host}:80"))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/x",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "https://",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://@example.com/",
        "https://evil.org\\@example.com/",
        "https://example.com/a b",
        "https://example.com/\r\nHost: evil",
        "https://example.com:99999/",
        "http://[fe80::1%25eth0]/",
        "https://example.com/" + "a" * 9_000,
    ],
)
def test_a_url_of_another_kind_is_denied_and_its_password_is_not_repeated(url: str) -> None:
    with pytest.raises(DeniedUrl) as caught:
        check_url(url, AllowList.read("example.com,fe80::1"))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "entry", ["http://example.com", "example.com:http", "example.com:0", "*", "*.com", "*.10.0.0.1", "exa mple", "a..b"]
)
def test_an_entry_that_is_no_host_is_named(entry: str) -> None:
    with pytest.raises(BadAllowList, match=r"guard\.allow"):
        AllowList.read(f"good.org,{entry}")
