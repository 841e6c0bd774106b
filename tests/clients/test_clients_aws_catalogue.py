"""The catalogue of AWS IoT Core is what its generator makes of botocore's models and the corrections."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from attrs import evolve

from resilience import catalog
from resilience.catalog import catalogue
from resilience.catalog.reader import parse
from resilience.clients.aws.catalogue.__main__ import FILE
from resilience.clients.aws.catalogue.corrections import (
    FILE as CORRECTIONS,
)
from resilience.clients.aws.catalogue.corrections import Corrections, corrections, parse_corrections
from resilience.clients.aws.catalogue.generated import READING, described_only, generated
from resilience.clients.aws.catalogue.models import ServiceModel, installed_version, service_model

TEXT: Final = CORRECTIONS.read_text(encoding="utf-8")
CREATING: Final = ("Add", "Associate", "Attach", "Create", "Publish", "Put", "Register", "Send", "Start")


@pytest.fixture(scope="module")
def found() -> Corrections:
    return corrections()


@pytest.fixture(scope="module")
def models(found: Corrections) -> list[ServiceModel]:
    return [service_model(each) for each in found.catalogue["services"]]


def is_of_the_installed() -> bool:
    """Tell whether the catalogue was made of the installed botocore, and not of an older one."""
    made_from = re.search(r"botocore ([\d.]+) ", FILE.read_text(encoding="utf-8"))
    assert made_from is not None
    return made_from[1] == installed_version()


def test_the_catalogue_is_generated(found: Corrections, models: list[ServiceModel]) -> None:
    """The file is what the command writes; a newer botocore may know more, but contradicts nothing."""
    shipped = FILE.read_text(encoding="utf-8")
    if is_of_the_installed():
        assert shipped == generated(found, models, installed_version())
        return
    fresh = parse(generated(found, described_only(models, found), installed_version()), FILE.name)
    known = catalogue("aws-iot")
    for name, facts in known.operations.items():
        assert evolve(fresh.operations[name], codes=facts.codes) == facts
        assert set(facts.codes) <= set(fresh.operations[name].codes)
    assert {name: (each.class_, each.effect, each.status) for name, each in known.codes.items()} == {
        name: (each.class_, each.effect, each.status) for name, each in fresh.codes.items()
    }


def test_a_newer_model_may_know_more(found: Corrections, models: list[ServiceModel]) -> None:
    """A code without a meaning stops the command; the comparison with a newer model passes over it."""
    one = models[0]
    thing = one.operations["CreateThing"]
    more = evolve(thing, errors=(*thing.errors, evolve(thing.errors[0], code="BrandNewException")))
    newer = [evolve(one, operations={**one.operations, "CreateThing": more, "CreateDream": thing}), *models[1:]]
    with pytest.raises(ValueError, match="no meaning for BrandNewException"):
        generated(found, newer, "9.9.9")
    read = parse(generated(found, described_only(newer, found), "9.9.9"), "newer.toml")
    assert read.operations["CreateThing"].codes == catalogue("aws-iot").operations["CreateThing"].codes


def test_a_correction_of_nothing_is_refused(found: Corrections, models: list[ServiceModel]) -> None:
    """An operation that the models have no longer, or never had, is named."""
    wrong = evolve(found, operations={**found.operations, "CreateDream": {"reason": "none"}})
    with pytest.raises(ValueError, match="no model has the operations CreateDream"):
        generated(wrong, models, "1.0")


def test_every_error_and_operation_of_the_models_is_there(models: list[ServiceModel]) -> None:
    """No operation is left out, and no error that one has in its list; a newer botocore may have more of both."""
    known = catalogue("aws-iot")
    operations = {name for model in models for name in model.operations}
    assert set(known.operations) <= operations
    if not is_of_the_installed():
        return
    assert set(known.operations) == operations
    codes = {error.code for model in models for operation in model.operations.values() for error in operation.errors}
    assert codes <= set(known.codes)
    assert (len(known.operations), len(codes)) >= (294, 50)


def test_what_creates_is_safe_only_for_a_reason(found: Corrections) -> None:
    """An operation that makes something is safe to repeat only where a correction says why, and from where."""
    known = catalogue("aws-iot")
    safe = {name for name, facts in known.operations.items() if name.startswith(CREATING) and facts.repeat == "safe"}
    assert safe
    for name in safe:
        said = found.repeat(name)
        assert said is not None, name
        assert len(said["reason"].split()) > 3
        assert said["source"] != "choice"


def test_what_nobody_looked_into_is_a_duplicate(found: Corrections) -> None:
    """Without a correction an operation is safe if it only reads, and a duplicate else, whatever its model says."""
    known = catalogue("aws-iot")
    for name, facts in known.operations.items():
        if found.repeat(name) is None:
            assert facts.repeat == ("safe" if name.startswith(READING) else "duplicate"), name
            assert (facts.source == "choice") is (facts.repeat == "duplicate")


def test_a_token_alone_makes_nothing_safe(models: list[ServiceModel]) -> None:
    """boto3 makes a new token for each call, so the creates with a token are refused the second time, as others."""
    shapes = models[0].document["shapes"]
    tokens = {
        name
        for name, operation in models[0].document["operations"].items()
        if any("idempotencyToken" in member for member in shapes[operation["input"]["shape"]]["members"].values())
    }
    assert "CreatePackage" in tokens
    creating = {name: catalogue("aws-iot").operations[name].repeat for name in tokens if name.startswith("Create")}
    assert set(creating.values()) == {"conflict"}


def test_names_follow_the_models_in_ascii(models: list[ServiceModel]) -> None:
    r"""The service's \w has no letters beyond ASCII; lengths are the models' own."""
    names = catalogue("aws-iot").names
    assert names["policy"].is_legal("fleet+1@berlin.v2")
    assert not names["policy"].is_legal("flotte-m\u00fcnchen")
    assert not names["rule"].is_legal("with-hyphen")
    assert (names["template"].max_length, names["job"].max_length) == (36, 64)
    with pytest.raises(ValueError, match="expected a shape with a pattern, got 'NoSuchShape'"):
        models[0].text_rule("NoSuchShape")


def test_a_quota_is_no_rate() -> None:
    """The SDK's own retries repeat LimitExceededException; here it is a quota, as its status says."""
    facts = catalogue("aws-iot").codes["LimitExceededException"]
    assert (facts.class_, facts.status, facts.is_lasting) == ("quota", 410, True)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("[names.thing]\nshape", "[names.thing]\nform", "unknown key 'form'", id="unknown"),
        pytest.param('class = "throttle"\n', "", "codes.ThrottlingException: missing key 'class'", id="missing"),
        pytest.param("[[repeats]]", "[[repeat]]", "unknown key 'repeat'", id="table"),
        pytest.param('"CreateThingGroup", "CreateB', '"CreateThing", "CreateB', "CreateThing stands there", id="twice"),
    ],
)
def test_a_mistake_in_the_corrections_is_named(old: str, new: str, message: str) -> None:
    """A wrong key or a second entry is refused, so that no correction is silently lost."""
    assert old in TEXT
    with pytest.raises(ValueError, match=message):
        parse_corrections(TEXT.replace(old, new, 1))


def test_a_service_that_botocore_lacks_is_named() -> None:
    """The message says what was asked for."""
    with pytest.raises(ValueError, match="botocore has no service 'iot-dreams'"):
        service_model("iot-dreams")


def test_the_file_is_the_one_that_is_read() -> None:
    """The command writes what the reader reads."""
    assert Path(catalog.__file__).parent / "aws-iot.toml" == FILE
