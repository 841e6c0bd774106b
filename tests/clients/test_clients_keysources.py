"""Where new keys come from: the forms that vendors print, commands, files and roles."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from resilience.clients.key_sources import KeySourceError, key_source, read_keys
from resilience.core.settings.credentials import CredentialSource
from resilience.sandbox import Sandbox

MOMENT = "2026-11-28T12:00:00Z"
SECONDS = 1_795_867_200.0
AWS = {"Version": 1, "AccessKeyId": "i", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": MOMENT}


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(AWS, id="credential-process"),
        pytest.param(
            {"AccessKeyId": "i", "AccessKeySecret": "s", "SecurityToken": "t", "Expiration": MOMENT}, id="alibaba"
        ),
        pytest.param(
            {
                "mode": "StsToken",
                "access_key_id": "i",
                "access_key_secret": "s",
                "sts_token": "t",
                "expiration": MOMENT,
            },
            id="alibaba-external",
        ),
        pytest.param(
            {"TmpSecretId": "i", "TmpSecretKey": "s", "Token": "t", "ExpiredTime": SECONDS, "Code": "Success"},
            id="tencent-machine",
        ),
        pytest.param(
            {
                "Response": {
                    "Credentials": {"TmpSecretId": "i", "TmpSecretKey": "s", "Token": "t"},
                    "ExpiredTime": int(SECONDS),
                }
            },
            id="tencent-answer",
        ),
        pytest.param({"secretId": "i", "secretKey": "s", "token": "t", "expiresAt": SECONDS * 1000}, id="milliseconds"),
        pytest.param({**AWS, "Expiration": "2026-11-28T12:00:00"}, id="no-zone-is-utc"),
        pytest.param({**AWS, "Expiration": str(int(SECONDS))}, id="digits"),
    ],
)
def test_the_forms_of_all_vendors_are_read(document: object) -> None:
    """Id, secret, token and end are the same in each."""
    keys = read_keys(json.dumps(document).encode(), "it")
    assert (keys.access_key_id, keys.access_key_secret, keys.security_token) == ("i", "s", "t")
    assert keys.expires_at == SECONDS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "expected the JSON of a credential process, found something else", id="nothing"),
        pytest.param("s3cret: LTAIs3cret", "found something else", id="no-json"),
        pytest.param('["LTAIs3cret"]', "found no an id", id="array"),
        pytest.param('{"AccessKeyId": "LTAIs3cret", "SecretAccessKey": "s3cret"}', "found no a token", id="no-token"),
        pytest.param(json.dumps({**AWS, "AccessKeyId": 7}), "found no an id", id="number"),
        pytest.param(json.dumps({**AWS, "Expiration": "s3cret"}), "expected an expiry such as", id="expiry"),
        pytest.param(json.dumps({**AWS, "Expiration": True}), "expected an expiry such as", id="boolean"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_shown(text: str, said: str) -> None:
    """The message names the source and what is missing, and none of what was found."""
    with pytest.raises(KeySourceError, match=said) as caught:
        read_keys(text.encode(), "the output of vault")
    assert str(caught.value).startswith("the output of vault: ")
    assert "s3cret" not in str(caught.value)


def command(*words: str) -> CredentialSource:
    return CredentialSource(kind="command", command=words)


def test_a_command_prints_the_keys() -> None:
    """It gets its arguments as they are: no shell reads them."""
    program = f"import sys; assert sys.argv[1:] == ['$HOME; x']; print({json.dumps(json.dumps(AWS))})"
    keys = key_source("alibaba", command(sys.executable, "-c", program, "$HOME; x"))()
    assert keys.security_token == "t"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param([sys.executable, "-c", "import sys; print('s3cret'); sys.exit(3)"], "exit code 3", id="fails"),
        pytest.param(["/nowhere/vault", "s3cret"], "vault: cannot be run: No such file", id="missing"),
        pytest.param([sys.executable, "-c", "print('s3cret')"], "expected the JSON", id="prints-something-else"),
    ],
)
def test_a_command_that_fails_says_so(words: list[str], said: str) -> None:
    """Neither its arguments nor its output are in the message."""
    with pytest.raises(KeySourceError, match=said) as caught:
        key_source("alibaba", command(*words))()
    assert "s3cret" not in str(caught.value)


def test_a_file_is_read_each_time(tmp_path: Path) -> None:
    """Whoever renews it need not tell anybody."""
    file = tmp_path / "keys.json"
    read = key_source("tencent", CredentialSource(kind="file", file=str(file)))
    with pytest.raises(KeySourceError, match=r"keys\.json: No such file"):
        read()
    for name in ("first", "second"):
        file.write_text(json.dumps({**AWS, "AccessKeyId": name}), encoding="utf-8")
        assert read().access_key_id == name
    file.write_text("{", encoding="utf-8")
    with pytest.raises(KeySourceError, match="expected the JSON"):
        read()


def test_a_role_is_assumed_with_the_keys_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both services give temporary keys for long-lived ones; variables of one's own may hold these."""
    with Sandbox() as cloud:
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", cloud.alibaba.access_key_id)
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", cloud.alibaba.access_key_secret)
        monkeypatch.setenv("CI_ID", cloud.tencent.secret_id)
        monkeypatch.setenv("CI_KEY", cloud.tencent.secret_key)
        role = CredentialSource(
            kind="assume_role", role="acs:ram::1000000000000000:role/x", endpoint=f"http://{cloud.alibaba.endpoint}"
        )
        keys = key_source("alibaba", role)()
        assert keys.security_token
        assert keys.expires_at
        other = CredentialSource(
            kind="assume_role",
            role="qcs::cam::uin/1:roleName/x",
            endpoint=f"http://{cloud.tencent.endpoint}",
            key_variables=("CI_ID", "CI_KEY"),
            duration=1800.0,
        )
        assert key_source("tencent", other)().security_token


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        pytest.param({}, "_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET: expected the long", id="none"),
        pytest.param(
            dict.fromkeys(
                (
                    "ALIBABA_CLOUD_ACCESS_KEY_ID",
                    "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
                    "ALIBABA_CLOUD_SECURITY_TOKEN",
                ),
                "s3cret",
            ),
            r"holds temporary keys, since ALIBABA_CLOUD_SECURITY_TOKEN is set.* key_variables = ",
            id="temporary",
        ),
    ],
)
def test_keys_that_assume_no_role_are_said(
    variables: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the variables, and what to write."""
    for name in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(KeySourceError, match=said) as caught:
        key_source("alibaba", CredentialSource(kind="assume_role", role="acs:ram::1:role/x"))()
    assert "s3cret" not in str(caught.value)
