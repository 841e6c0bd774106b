"""Which name a rename takes."""

from __future__ import annotations

from typing import Any

import pytest
from core_values import action
from hypothesis import assume, given
from hypothesis import strategies as st

from resilience.catalog import catalogue, providers
from resilience.core.operations.rename import NameLaw, name_hash, next_name

DIGEST = name_hash("123", "mqtt-cn-x", "GID_sensors")

RULES = [(provider, name) for provider in providers() for name in catalogue(provider).names]
RENAMED = [
    (provider, facts.name)
    for provider in providers()
    for facts in catalogue(provider).operations.values()
    if facts.rename is not None and facts.name is not None
]


def law_of(provider: str, name: str) -> NameLaw:
    known = catalogue(provider).names[name]
    return NameLaw(max_length=known.max_length, keep_prefix=known.keep_prefix, is_legal=known.is_legal)


def law(*, max_length: int | None = None, keep_prefix: int = 0) -> NameLaw:
    """Return a law that takes every name of this length, and no name with a space."""
    return NameLaw(
        max_length=max_length,
        keep_prefix=keep_prefix,
        is_legal=lambda name: " " not in name and (max_length is None or len(name) <= max_length),
    )


def renamed(original: str, number: int = 2, *, law: NameLaw | None = None, **settings: Any) -> str | None:
    return next_name(original, number, action("rename", **settings), law, digest=DIGEST)


@pytest.mark.parametrize(
    ("settings", "number", "name"),
    [
        pytest.param({}, 2, "GID_sensors-2", id="default-pattern"),
        pytest.param({}, 3, "GID_sensors-3", id="from-the-original-name-each-time"),
        pytest.param({"pattern": "{name}_{n}_b"}, 12, "GID_sensors_12_b", id="pattern"),
        pytest.param({"pattern": "{name}-{hash}-{n}"}, 2, f"GID_sensors-{DIGEST}-2", id="hash"),
        pytest.param({"pattern": "GID_{n}"}, 2, "GID_2", id="without-the-name"),
        pytest.param({"max_length": 13}, 2, "GID_sensors-2", id="just-fits"),
        pytest.param({"max_length": 12}, 2, f"G-{DIGEST}-2", id="shortened-to-one-character-and-the-hash"),
        pytest.param({"max_length": 11}, 2, f"G{DIGEST}-2", id="the-hash-is-worth-more-than-what-stands-before-it"),
        pytest.param({"max_length": 10}, 2, None, id="no-character-left"),
        pytest.param({"max_length": 12}, 10, f"G{DIGEST}-10", id="shortened-more-for-a-longer-number"),
        pytest.param({"max_length": 2}, 2, None, id="no-room-for-the-hash"),
        pytest.param({"max_length": 21, "pattern": "{name}{name}{n}"}, 2, f"G-{DIGEST}G-{DIGEST}2", id="name-twice"),
        pytest.param(
            {"max_length": 14, "pattern": "{name}{hash}{n}"}, 2, f"GID_s{DIGEST}2", id="the-pattern-has-the-hash"
        ),
        pytest.param({"max_length": 4, "pattern": "GID_{n}"}, 2, None, id="pattern-alone-too-long"),
        pytest.param({"pattern": "{name}"}, 2, None, id="no-new-name"),
    ],
)
def test_a_name_is_built_by_its_pattern(settings: dict[str, Any], number: int, name: str | None) -> None:
    """The pattern is filled in with the original name, which gives way where the result would be too long."""
    assert renamed("GID_sensors", number, **settings) == name


@pytest.mark.parametrize(
    ("allowed", "settings", "name"),
    [
        pytest.param(law(max_length=12), {}, f"G-{DIGEST}-2", id="the-services-limit"),
        pytest.param(law(max_length=12), {"max_length": 11}, f"G{DIGEST}-2", id="the-smaller-limit-is-the-policys"),
        pytest.param(law(max_length=11), {"max_length": 12}, f"G{DIGEST}-2", id="the-smaller-limit-is-the-services"),
        pytest.param(law(keep_prefix=1), {"max_length": 11}, f"G{DIGEST}-2", id="the-prefix-just-stays"),
        pytest.param(law(keep_prefix=2), {"max_length": 11}, None, id="the-prefix-would-be-cut"),
        pytest.param(
            NameLaw(max_length=12, is_legal=lambda name: "-" not in name),
            {"pattern": "{name}_{n}"},
            f"G_{DIGEST}_2",
            id="another-separator",
        ),
        pytest.param(
            NameLaw(max_length=12, is_legal=str.isalnum),
            {"pattern": "{name}{n}", "max_length": 11},
            f"GI{DIGEST}2",
            id="no-separator",
        ),
        pytest.param(
            law(keep_prefix=4), {"max_length": 5, "pattern": "{name}_{n}"}, None, id="the-pattern-is-no-prefix"
        ),
        pytest.param(law(keep_prefix=4), {"pattern": "x{name}{n}"}, None, id="the-prefix-would-move"),
        pytest.param(law(), {"pattern": "{name} {n}"}, None, id="illegal"),
        pytest.param(law(), {}, "GID_sensors-2", id="no-limit-known"),
    ],
)
def test_a_name_obeys_the_service(allowed: NameLaw, settings: dict[str, Any], name: str | None) -> None:
    """A new name is one that the service takes, and keeps the prefix that it asks for."""
    assert renamed("GID_sensors", law=allowed, **settings) == name


@given(
    names=st.lists(st.text(min_size=9, max_size=90), min_size=2, max_size=20, unique=True),
    limit=st.integers(1, 64),
    pattern=st.sampled_from(["{name}-{n}", "{name}-{hash}-{n}", "{name}_{hash}", "{name}{name}{n}"]),
)
def test_two_names_are_never_shortened_to_one(names: list[str], limit: int, pattern: str) -> None:
    """However alike the originals are, and whatever they are made of: their new names differ, and fit."""
    start = "GID_site-hangzhou-line-07-controller-plc-"
    originals = [start + name for name in names]
    new = [
        next_name(
            each, 2, action("rename", pattern=pattern, max_length=limit), None, digest=name_hash("", "mqtt-1", each)
        )
        for each in originals
    ]
    built = [each for each in new if each is not None]
    assert len(set(built)) == len(built)
    assert all(len(each) <= limit for each in built)
    assert built == [] if limit < 9 else True


def test_a_hash_takes_names_that_are_no_unicode() -> None:
    """A name that came from a file name may hold half a character."""
    assert name_hash("\udc80") != name_hash("\udc81")


def test_a_name_of_just_the_limit_is_told_from_one_that_differs_at_its_end() -> None:
    """Forty characters, the last of which tells two groups apart, leave no room for a number."""
    one, other = "GID_" + "x" * 35 + "1", "GID_" + "x" * 35 + "2"
    new = [
        next_name(each, 2, action("rename", max_length=40), law_of("alibaba", "group-id"), digest=name_hash("", each))
        for each in (one, other)
    ]
    assert new == [f"GID_{'x' * 25}-{name_hash('', each)}-2" for each in (one, other)]
    assert {len(each) for each in new if each} == {40}


def test_braces_in_a_name_are_no_placeholders() -> None:
    """A name that looks like a pattern is taken as it stands."""
    assert renamed("a{n}{hash}{name}") == "a{n}{hash}{name}-2"


def test_a_hash_stands_for_account_instance_and_name() -> None:
    """The hash is the same for the same parts, and another one when any part, or the border between two, moves."""
    same = name_hash("123", "mqtt-cn-x", "GID_sensors")
    others = {
        name_hash("124", "mqtt-cn-x", "GID_sensors"),
        name_hash("123", "mqtt-cn-y", "GID_sensors"),
        name_hash("123", "mqtt-cn-x", "GID_sensor"),
        name_hash("123mqtt-cn-x", "GID_sensors"),
        name_hash("12", "3mqtt-cn-x", "GID_sensors"),
    }
    assert same == DIGEST
    assert len(same) == 8
    assert int(same, 16) >= 0
    assert len(others | {same}) == 6


def test_a_hash_outlives_the_process() -> None:
    """A re-run on another day meets the names of the first run, so the hash is a published one."""
    # sha256 of the parts with a zero byte between them, its first eight digits.
    assert name_hash("123", "mqtt-cn-x", "GID_sensors") == "4b9ddb33"


PATTERNS = st.sampled_from(["{name}-{n}", "{name}-{hash}-{n}", "{name}{n}", "{name}_{n}", "{n}{name}", "{name}{name}"])


@pytest.mark.parametrize(("provider", "name"), RULES)
@given(data=st.data())
def test_a_new_name_is_legal_for_every_known_rule(provider: str, name: str, data: st.DataObject) -> None:
    """For any legal original, pattern and limit: the new name is legal, another one, keeps the prefix, and fits."""
    known, allowed = catalogue(provider).names[name], law_of(provider, name)
    original = data.draw(st.from_regex(known.pattern, fullmatch=True))
    assume(known.is_legal(original))
    number = data.draw(st.integers(2, 10**6))
    limit = data.draw(st.none() | st.integers(1, 80))
    pattern = data.draw(PATTERNS)
    new = renamed(original, number, law=allowed, pattern=pattern, max_length=limit)
    assert new == renamed(original, number, law=allowed, pattern=pattern, max_length=limit)
    if new is not None:
        assert known.is_legal(new)
        assert new != original
        assert new.startswith(original[: known.keep_prefix])
        assert limit is None or len(new) <= limit


@pytest.mark.parametrize(("provider", "name"), RENAMED)
@given(data=st.data())
def test_the_default_pattern_always_finds_names(provider: str, name: str, data: st.DataObject) -> None:
    """Where the catalogue knows what a rename changes, the default finds five different names for any legal one."""
    known, allowed = catalogue(provider).names[name], law_of(provider, name)
    original = data.draw(st.from_regex(known.pattern, fullmatch=True))
    assume(known.is_legal(original))
    names = {renamed(original, number, law=allowed) for number in range(2, 7)}
    assert None not in names
    assert len(names) == 5
