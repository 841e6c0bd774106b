"""Reading a catalogue: what is found, and which mistakes are seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from resilience import catalog
from resilience.catalog import catalogue, providers, providers_of
from resilience.catalog.reader import parse
from resilience.core.admission.rate import Rate

GOOD = """
schema = 1
provider = "acme"
service = "Acme MQTT"
product = "mqtt"
version = "1"
[sources]
manual = "Acme manual, read 2026-11-21"
terms = "Acme terms, read 2026-11-22"
[limits.host]
rate = "1000/h"
meaning = "more are refused"
source = "terms"
[names.thing]
pattern = 'T[a-z]+'
min_length = 2
suffix = '[a-z]+'
meaning = "T and small letters"
source = "manual"
[codes."Bad.Thing"]
meaning = "a bad thing"
class = "parameter"
effect = "none"
source = "manual"
[operations.MakeThing]
repeat = "conflict"
key = ["Account", "Thing"]
rename = "Thing"
name = "thing"
read_back = "ReadThing"
limit = "10/s"
limit_source = "terms"
settle = "1m30s"
settle_source = "terms"
codes = ["Bad.Thing"]
source = "manual"
[operations.ReadThing]
repeat = "safe"
source = "manual"
"""


def test_a_catalogue_is_read_as_written() -> None:
    """Values arrive with their types, and what is left out has its default."""
    read = parse(GOOD, "acme.toml")
    make, look = read.operations["MakeThing"], read.operations["ReadThing"]
    assert (read.provider, read.service) == ("acme", "Acme MQTT")
    assert (make.key, make.rename, make.limit) == (("Account", "Thing"), "Thing", Rate(10, 1))
    assert (make.limit_source, read.source_of_limit(make)) == ("terms", "Acme terms, read 2026-11-22")
    assert read.limits["host"].rate == Rate(1000, 3600)
    assert (make.settle, make.settle_source) == (90, "terms")
    assert (look.key, look.rename, look.read_back) == ((), None, None)
    assert read.codes["Bad.Thing"].code == "Bad.Thing"
    assert read.names["thing"].max_length is None


def test_operations_that_only_read_may_stand_in_a_list() -> None:
    """They are safe, have the source that they are listed under, and the codes that name them."""
    listed = GOOD.replace("[codes.", '[reads]\nterms = ["ListThings"]\n[codes.', 1)
    read = parse(listed.replace('effect = "none"', 'effect = "none"\noperations = ["ListThings"]'), "acme.toml")
    facts = read.operations["ListThings"]
    assert (facts.repeat, facts.source, facts.codes, facts.key) == ("safe", "terms", ("Bad.Thing",), ())
    for wrong, message in (
        ("terms = 1", "reads.terms: expected a list of strings"),
        ('terms = ["ReadThing"]', "reads.terms: 'ReadThing' has an entry already"),
        ('rumour = ["ListThings"]', "operations.ListThings.source: 'rumour' is not in this file"),
    ):
        with pytest.raises(ValueError, match=message):
            parse(listed.replace('terms = ["ListThings"]', wrong), "acme.toml")


def test_an_operation_has_the_codes_that_name_it() -> None:
    """Where an operation lists no codes, it has those whose operations it is among; its own list wins."""
    named = GOOD.replace('effect = "none"', 'effect = "none"\noperations = ["MakeThing", "ReadThing"]')
    read = parse(named, "acme.toml")
    assert (read.operations["ReadThing"].codes, read.operations["MakeThing"].codes) == (("Bad.Thing",), ("Bad.Thing",))
    bare = parse(named.replace('codes = ["Bad.Thing"]', "codes = []"), "acme.toml")
    assert (bare.operations["ReadThing"].codes, bare.operations["MakeThing"].codes) == (("Bad.Thing",), ())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("schema = 1", "schema = 2", "schema: expected 1, got 2", id="schema"),
        pytest.param('product = "mqtt"', "", "missing key 'product'", id="missing-scalar"),
        pytest.param('product = "mqtt"', 'prodct = "mqtt"', "unknown key 'prodct'", id="unknown-scalar"),
        pytest.param('product = "mqtt"', "product = 7", "product: expected a string", id="type-of-scalar"),
        pytest.param('meaning = "a bad thing"', "", "codes.Bad.Thing: missing key 'meaning'", id="missing-in-code"),
        pytest.param('class = "parameter"', 'class_ = "parameter"', "unknown key 'class_'", id="python-spelling"),
        pytest.param('class = "parameter"', 'class = "bad"', "class: expected one of", id="class"),
        pytest.param('effect = "none"', 'effect = "maybe"', "effect: expected one of", id="effect"),
        pytest.param('effect = "none"', 'effect = "none"\nstatus = "400"', "status: expected a whole", id="status"),
        pytest.param('effect = "none"', 'effect = "none"\nnumber = "400001"', "number: expected a whole", id="number"),
        pytest.param('effect = "none"', 'effect = "none"\nfamily = 1', "family: expected true or", id="family"),
        pytest.param('effect = "none"', 'effect = "none"\noperations = ["No"]', "operations: 'No' is", id="operations"),
        pytest.param('repeat = "safe"', 'repeat = "idempotent"', "repeat: expected one of", id="repeat"),
        pytest.param('key = ["Account", "Thing"]', 'key = "Thing"', "key: expected a list", id="key"),
        pytest.param('key = ["Account", "Thing"]', 'key = ["Account"]', "rename: expected a field of key", id="rename"),
        pytest.param('name = "thing"', "", "rename and name: expected both", id="rename-without-name"),
        pytest.param('name = "thing"', 'name = "other"', "name: 'other' is not in", id="name"),
        pytest.param('read_back = "ReadThing"', 'read_back = "Look"', "read_back: 'Look' is not in", id="read-back"),
        pytest.param('limit = "10/s"', 'limit = "10/d"', "limit: expected a rate", id="limit"),
        pytest.param('limit_source = "terms"', 'limit_source = "x"', "limit_source: 'x' is not in", id="limit-source"),
        pytest.param('limit = "10/s"\n', "", "limit_source: expected limit", id="source-without-limit"),
        pytest.param('settle = "1m30s"', "settle = 90", "settle: expected a duration", id="settle"),
        pytest.param('settle_source = "terms"', 'settle_source = "x"', "settle_source: 'x' is not", id="settle-source"),
        pytest.param('settle = "1m30s"\n', "", "settle_source: expected settle", id="source-without-settle"),
        pytest.param("[limits.host]", "[limits.house]", "limits.house: expected one of", id="scope"),
        pytest.param('rate = "1000/h"', "rate = 1000", "limits.host.rate: expected a rate", id="rate-of-a-host"),
        pytest.param('refused"\nsource = "terms"', 'refused"\nsource = "y"', "host.source: 'y'", id="host-source"),
        pytest.param('codes = ["Bad.Thing"]', 'codes = ["Bad"]', "codes: 'Bad' is not in", id="codes"),
        pytest.param('manual = "Acme', 'handbook = "Acme', "source: 'manual' is not in", id="source"),
        pytest.param("min_length = 2", "min_length = true", "min_length: expected a whole number", id="bool"),
    ],
)
def test_a_mistake_is_named(old: str, new: str, message: str) -> None:
    """A wrong catalogue is refused with the file, the entry and what was expected."""
    assert old in GOOD
    with pytest.raises(ValueError, match=message) as caught:
        parse(GOOD.replace(old, new, 1), "acme.toml")
    assert str(caught.value).startswith("acme.toml: ")


def test_a_code_may_have_a_number() -> None:
    """A service may send a number in place of the code; most services send none."""
    read = parse(GOOD.replace('class = "parameter"', 'class = "parameter"\nnumber = 400001'), "acme.toml")
    assert read.codes["Bad.Thing"].number == 400001
    assert parse(GOOD, "acme.toml").codes["Bad.Thing"].number is None


def test_an_entry_that_is_no_table_is_named() -> None:
    """A value where a table belongs is refused, and not taken for an empty one."""
    with pytest.raises(ValueError, match=r"acme.toml: codes.Odd: expected a table, got 1"):
        parse(GOOD.replace('[codes."Bad.Thing"]', '[codes]\nOdd = 1\n[codes."Bad.Thing"]'), "acme.toml")


def test_all_providers_are_found() -> None:
    """The providers are those that have a file."""
    assert providers() == tuple(sorted(path.stem for path in Path(catalog.__file__).parent.glob("*.toml")))
    assert tuple(catalogue(name).provider for name in providers()) == providers()


def test_a_catalogue_is_read_once() -> None:
    """Asking again gives the same object."""
    assert catalogue("alibaba") is catalogue("alibaba")


def test_a_catalogue_cannot_be_changed() -> None:
    """What one caller is given, another one relies on."""
    codes: dict[str, object] = catalogue("alibaba").codes  # type: ignore[assignment]  # on purpose
    with pytest.raises(TypeError):
        codes["New"] = None


@pytest.mark.parametrize("name", ["aws", "", "../alibaba", "Alibaba"])
def test_an_unknown_provider_is_refused(name: str) -> None:
    """The message lists the providers that there are."""
    known = ", ".join(f'"{each}"' for each in providers())
    with pytest.raises(ValueError, match=f"expected one of {known}"):
        catalogue(name)


@pytest.mark.parametrize(
    ("operation", "found"),
    [
        ("CreateGroupId", ("alibaba",)),
        ("CreateTopic", ("tencent",)),
        ("RegisterCaCertificate", ("alibaba", "tencent")),
        ("AssumeRole", ("alibaba", "aws-iot", "tencent")),
        ("MakeCoffee", ()),
    ],
)
def test_an_operation_tells_its_providers(operation: str, found: tuple[str, ...]) -> None:
    """An operation that both services have belongs to both, one that nobody has to nobody."""
    assert providers_of(operation) == found
