"""The names that users import: a contract."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.resources
import inspect
import pkgutil
from typing import Final

import pytest

import resilience

# A name comes or goes with a line in the change log.
PUBLIC: Final = (
    "DONE",
    "Attempt",
    "BoundCall",
    "BreakerOpen",
    "BudgetExhausted",
    "Credentials",
    "DeadlineExceeded",
    "Discarded",
    "Executor",
    "Fault",
    "Journal",
    "JournalError",
    "Ledger",
    "LedgerError",
    "Logs",
    "MappedOutcome",
    "Metrics",
    "Outcome",
    "Policy",
    "PolicyError",
    "RateExceeded",
    "Refused",
    "RemedyFailed",
    "ServiceError",
    "Spans",
    "StateError",
    "SyncBoundCall",
    "SyncExecutor",
    "SyncMappedOutcome",
    "__version__",
    "limited",
    "wrap_client",
)


def test_no_name_comes_unnoticed() -> None:
    """What the package offers is in the list, and nothing else is."""
    assert set(resilience.__all__) <= set(PUBLIC)
    assert len(set(resilience.__all__)) == len(resilience.__all__)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_there(name: str) -> None:
    """Each documented name can be imported from the package."""
    assert name in resilience.__all__
    assert hasattr(resilience, name)


@pytest.mark.parametrize("name", [name for name in resilience.__all__ if inspect.isclass(getattr(resilience, name))])
def test_a_public_class_is_documented(name: str) -> None:
    """The docstring of a public class is the reference: the class has one, and so has everything public in it."""
    found = getattr(resilience, name)
    assert found.__doc__
    for attribute, value in vars(found).items():
        if not attribute.startswith("_") and (inspect.isfunction(value) or isinstance(value, property | classmethod)):
            assert inspect.getdoc(getattr(found, attribute)), f"{name}.{attribute} says nothing of itself"


def test_the_version_is_the_distributions() -> None:
    """``__version__`` is a version, and that of the installed distribution."""
    assert resilience.__version__ == importlib.metadata.version("mqtt-resilience")
    assert resilience.__version__[0].isdigit()


@pytest.mark.parametrize(
    "name", ["DeadlineExceeded", "LedgerError", "PolicyError", "Refused", "RemedyFailed", "ServiceError", "StateError"]
)
def test_our_exceptions_can_be_caught(name: str) -> None:
    """They are ordinary exceptions: none of them passes through ``except Exception``, as a cancellation does."""
    assert issubclass(getattr(resilience, name), Exception)


def test_the_package_is_typed() -> None:
    """Type checkers of users read our annotations."""
    assert importlib.resources.files("resilience").joinpath("py.typed").is_file()


@pytest.mark.parametrize("package", ["resilience", "resilience.clients"])
def test_no_public_name_is_that_of_a_module(package: str) -> None:
    """A name that is imported when it is first asked for would be the module, once that has been imported."""
    module = importlib.import_module(package)
    modules = {found.name for found in pkgutil.iter_modules(module.__path__)}
    assert modules.intersection(module.__all__) <= {"sts"}, "sts is the module itself"
