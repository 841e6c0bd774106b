"""The entry point: providers, groups, strangeness, and what it costs to import."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from Tea.exceptions import TeaException
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from resilience.clients import classify, leaves, type_name
from resilience.core.fault import Fault

_FOREIGN = {"requests", "httpx", "aiohttp", "urllib3", "Tea", "darabonba", "aliyunsdkcore", "tencentcloud", "trio"}


def test_importing_the_translators_imports_no_sdk_and_no_http_client() -> None:
    """Whoever has only one SDK, or none, can import every module of the package."""
    script = (
        "import importlib, pkgutil, sys, resilience.clients as package\n"
        "for found in pkgutil.iter_modules(package.__path__, package.__name__ + '.'):\n"
        "    importlib.import_module(found.name)\n"
        "print('\\n'.join(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "resilience" in loaded
    assert not loaded & _FOREIGN
    assert not any(name.startswith("alibabacloud") for name in loaded)


def test_the_sdks_provider_wins_over_the_calls() -> None:
    """An SDK's exception says whose it is; for any other the provider of the call counts."""
    sdk = TencentCloudSDKException("FailedOperation", "m", "R")
    for error, expected in ((sdk, "tencent"), (ValueError("m"), "alibaba")):
        fault = classify(error, provider="alibaba")
        assert fault is not None
        assert fault.provider == expected


def test_a_subclass_of_an_sdks_exception_is_the_sdks() -> None:
    """Users who refine an exception lose nothing."""

    class MineError(TencentCloudSDKException):  # type: ignore[misc]  # the SDK has no types
        pass

    fault = classify(MineError("A.B", "m", "R"))
    assert fault is not None
    assert (fault.provider, fault.code, fault.request_id) == ("tencent", "A.B", "R")
    assert fault.error.endswith("MineError")


def test_an_exception_that_carries_a_fault_is_that_fault() -> None:
    """What was translated once is not translated again."""

    class CarrierError(Exception):
        fault = Fault(code="A", transport="lost")

    assert classify(CarrierError("m"), provider="alibaba") == Fault(provider="alibaba", code="A", transport="lost")


def test_a_group_gives_its_leaves_from_left_to_right() -> None:
    """Nested groups are flat, and an exception that is no group is its own leaf."""
    first, second, third = ValueError("1"), KeyError("2"), OSError("3")
    group = ExceptionGroup("outer", [first, ExceptionGroup("inner", [second, third])])
    assert leaves(group) == (first, second, third)
    assert leaves(first) == (first,)


def test_the_name_of_a_class_has_its_module_but_for_builtins() -> None:
    """Names are those that a traceback shows."""
    assert type_name(ValueError()) == "ValueError"
    assert type_name(TeaException({})) == "Tea.exceptions.TeaException"


_VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.binary(max_size=20),
    st.just("None"),
    st.dictionaries(st.sampled_from(["Code", "RequestId", "statusCode", "code"]), st.text(max_size=5), max_size=3),
)


def _is_clean(fault: Fault | None) -> bool:
    assert fault is not None
    for word in (fault.code, fault.request_id):
        assert word is None or re.fullmatch("[!-~]{1,128}", word)
        assert word != "None"
    assert fault.status is None or 100 <= fault.status < 1000
    assert fault.retry_after is None or 0 <= fault.retry_after < float("inf")
    return True


@given(code=_VALUES, message=_VALUES, request_id=_VALUES)
def test_any_field_of_tencents_exception_is_survived(code: Any, message: Any, request_id: Any) -> None:
    """Whatever stands in the exception, a clean fault comes out."""
    assert _is_clean(classify(TencentCloudSDKException(code, message, request_id)))


@given(code=_VALUES, message=_VALUES, data=_VALUES, hint=_VALUES, status=_VALUES)
def test_any_field_of_alibabas_exception_is_survived(
    code: Any, message: Any, data: Any, hint: Any, status: Any
) -> None:
    """Whatever stands in the exception, a clean fault comes out."""
    error = TeaException({"code": code, "message": message, "data": data})
    error.retry_after, error.status_code, error.request_id = hint, status, code
    assert _is_clean(classify(error))


@pytest.mark.parametrize("message", [b"\xff", None, 7, object()])
def test_a_message_that_is_no_text_is_survived(message: object) -> None:
    """Tencent puts bytes there; nobody may put a traceback there instead."""
    assert _is_clean(classify(TencentCloudSDKException("ClientNetworkError", message)))
