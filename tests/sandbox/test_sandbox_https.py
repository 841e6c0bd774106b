"""The sandbox over https, for clients that take no other address."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx
import pytest
import requests

from resilience.sandbox import Sandbox
from resilience.sandbox.http.authority import Authority

pytest_plugins = ("sandbox_fixtures",)

CONTROL = "/_sandbox/calls"


def trusted(sandbox: Sandbox) -> str:
    file = sandbox.alibaba.trust()["REQUESTS_CA_BUNDLE"]
    assert sandbox.alibaba.trust() == {"REQUESTS_CA_BUNDLE": file, "SSL_CERT_FILE": file}
    return file


def test_a_port_speaks_http_and_https(sandbox: Sandbox) -> None:
    """One port takes both, and a client that trusts the file that the environment names needs nothing else."""
    file = trusted(sandbox)
    for url in (f"http://{sandbox.alibaba.endpoint}{CONTROL}", f"https://{sandbox.alibaba.endpoint}{CONTROL}"):
        assert requests.get(url, verify=file, timeout=5).json() == []


def test_what_a_client_trusts_otherwise_is_trusted_too(sandbox: Sandbox) -> None:
    """The file replaces a client's own list, so it has everything of that list."""
    context = ssl.create_default_context(cafile=trusted(sandbox))
    assert len(context.get_ca_certs()) > 50


def test_the_certificate_is_right_for_a_strict_client(sandbox: Sandbox) -> None:
    """Newer versions of Python look more closely at a certificate."""
    context = ssl.create_default_context(cafile=trusted(sandbox))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with httpx.Client(verify=context, trust_env=False) as client:
        assert client.get(f"https://{sandbox.alibaba.endpoint}{CONTROL}").json() == []


def test_a_stranger_does_not_trust_the_sandbox(sandbox: Sandbox) -> None:
    """Without the file the certificate is nobody's, and the next caller is served all the same."""
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"https://{sandbox.alibaba.endpoint}{CONTROL}", timeout=5)
    assert requests.get(f"http://{sandbox.alibaba.endpoint}{CONTROL}", timeout=5).json() == []


@pytest.mark.parametrize("fault", ["reset", "hangup"])
def test_a_connection_breaks_over_https_too(sandbox: Sandbox, fault: str) -> None:
    """A scripted fault breaks the connection below the TLS."""
    sandbox.script("azure-iot:GetDevice", fault)
    token = {"Authorization": sandbox.azure_iot.sas_token()}
    url = f"https://{sandbox.azure_iot.endpoint}/devices/pump-1?api-version=2021-04-12"
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(url, headers=token, verify=trusted(sandbox), timeout=5)


def test_closing_ends_hanging_callers_over_https(sandbox: Sandbox) -> None:
    """``close`` cuts a connection with TLS as it cuts any other, and removes the certificate."""
    sandbox.script("azure-iot:GetDevice", "hang")
    file = trusted(sandbox)
    token = {"Authorization": sandbox.azure_iot.sas_token()}
    url = f"https://{sandbox.azure_iot.endpoint}/devices/pump-1?api-version=2021-04-12"
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(url, headers=token, verify=file, timeout=0.2)
    sandbox.close()
    assert not Path(file).exists()


def test_the_key_is_for_its_owner_alone() -> None:
    """Others on the machine can read the certificate, and not its key."""
    authority = Authority("127.0.0.1")
    folder = Path(authority.trusted or "").parent
    assert (folder / "server.pem").stat().st_mode & 0o077 == 0
    authority.close()


def test_without_cryptography_there_is_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """No certificate can be made: nothing says that there is one, and a client of https is refused."""
    monkeypatch.setattr(Authority, "is_possible", False)
    with Sandbox() as sandbox:
        assert sandbox.alibaba.trust() == {}
        assert "https needs" in sandbox.azure_iot.about()
        with pytest.raises(requests.exceptions.ConnectionError):
            requests.get(f"https://{sandbox.alibaba.endpoint}{CONTROL}", timeout=5)
        assert requests.get(f"http://{sandbox.alibaba.endpoint}{CONTROL}", timeout=5).json() == []


def test_the_certificates_of_a_company_stay_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that the environment names already is the beginning of ours, in place of the libraries' own list."""
    company = tmp_path / "company.pem"
    company.write_text("# the certificates of a company\n")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(company))
    authority = Authority("127.0.0.1")
    trusted_by_all = Path(authority.trusted or "").read_text()
    authority.close()
    assert trusted_by_all.count("BEGIN CERTIFICATE") == 1
    assert "# the certificates of a company" in trusted_by_all
