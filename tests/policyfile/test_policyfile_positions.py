"""The scanner finds what tomli finds, where it stands."""

import datetime as dt
from typing import Any

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.policyfile.files.positions import KeyPath, TextSpan, scan

BARE = st.text("abcXYZ019-_", min_size=1, max_size=4)
HOSTILE = st.text(st.sampled_from("ab.=#[]{},'\" \\\n\t\u00e9\u6d4b"), max_size=5)
SPACE = st.sampled_from(["", " ", "\t", "  "])


def basic(text: str) -> str:
    """Write a text as a basic string."""
    for char, escape in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t")):
        text = text.replace(char, escape)
    return f'"{text}"'


def spellings(text: str) -> list[str]:
    """Return the ways to write a text as a key."""
    found = [basic(text)]
    if text and all(char.isascii() and (char.isalnum() or char in "-_") for char in text):
        found.append(text)
    if "'" not in text and "\n" not in text:
        found.append(f"'{text}'")
    return found


KEYS = st.one_of(BARE, HOSTILE).flatmap(lambda text: st.sampled_from(spellings(text)))
STRINGS = st.one_of(
    HOSTILE.map(basic),
    HOSTILE.filter(lambda text: not set(text) & {"'", "\n"}).map(lambda text: f"'{text}'"),
    HOSTILE.filter(lambda text: "'" not in text).map(lambda text: f"'''{text}'''"),
    HOSTILE.filter(lambda text: "\\" not in text and '"' not in text).map(lambda text: f'"""\n{text}"""'),
    st.sampled_from(['"""a""b"""', '"""a""""', '"""a"""""', "'''a''b'''", "'''a''''", "'''a'''''", '"""\\"""""""']),
)
SCALARS = st.one_of(
    STRINGS,
    st.sampled_from(["1", "-0", "0xff", "1_000", "1.5", "6e-3", "inf", "nan", "true"]),
    st.sampled_from(["1979-05-27", "07:32:00", "07:32", "1979-05-27T07:32:00Z", "1979-05-27 07:32:00"]),
    st.sampled_from(["1979-05-27 07:32:00.5-07:00", "1979-05-27 07:32"]),
)
GAPS = st.sampled_from(["", " ", "\n", " # [x] = {\n", "\n\n\t"])


def arrays(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Write arrays, with comments and commas wherever they may stand."""
    entries = st.lists(st.tuples(GAPS, values, GAPS).map("".join), max_size=3)
    return st.tuples(entries, st.sampled_from(["", ",", ",\n"]), GAPS).map(
        lambda parts: "[" + ",".join(parts[0]) + (parts[1] if parts[0] else "") + parts[2] + "]"
    )


def inline_tables(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Write inline tables, also as TOML 1.1 allows them."""
    entry = st.tuples(GAPS, st.lists(KEYS, min_size=1, max_size=2).map(" . ".join), SPACE, values, GAPS)
    return st.tuples(st.lists(entry, max_size=3), st.sampled_from(["", ","])).map(
        lambda parts: (
            "{"
            + ",".join(f"{gap}{key}{space}={space}{value}{after}" for gap, key, space, value, after in parts[0])
            + (parts[1] if parts[0] else "")
            + "}"
        )
    )


VALUES = st.recursive(SCALARS, lambda inner: st.one_of(arrays(inner), inline_tables(inner)), max_leaves=6)
DOTTED = st.lists(KEYS, min_size=1, max_size=3).map(".".join)
LINES = st.one_of(
    st.tuples(SPACE, DOTTED, SPACE, VALUES, st.sampled_from(["", " # x = [1]"])).map(
        lambda parts: f"{parts[0]}{parts[1]}{parts[2]}={parts[2]}{parts[3]}{parts[4]}"
    ),
    DOTTED.map(lambda key: f"[{key}]"),
    DOTTED.map(lambda key: f" [[ {key} ]] # end"),
    st.sampled_from(["", "# [not.a.table]"]),
)
DOCUMENTS = st.lists(LINES, max_size=8).map("\n".join)


def paths_of(value: Any, path: KeyPath = ()) -> dict[KeyPath, Any]:
    """Return every path of a value as tomli read it."""
    found: dict[KeyPath, Any] = {path: value} if path else {}
    entries: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in entries:
        found |= paths_of(each, (*path, key))
    return found


def read(text: str) -> Any:
    """Return what tomli makes of a value's text."""
    return tomli.loads(f"value = {text}")["value"]


def is_same(one: Any, other: Any) -> bool:
    """Compare values, where nan equals nan and 1 does not equal true."""
    return repr(one) == repr(other)


def check(text: str, data: dict[str, Any]) -> None:
    """Assert that the scanner and tomli agree on a text."""
    spans = scan(text).spans
    values = paths_of(data)
    assert set(spans) == set(values)
    for path, value in values.items():
        span = spans[path]
        name = text[span.key : span.key_end]
        if isinstance(path[-1], str):
            assert tomli.loads(f"{name} = 0") == {path[-1]: 0}
        stands_in_a_header = span.key == span.value and isinstance(value, dict | list)
        if not stands_in_a_header or text[span.value] in "[{":
            assert is_same(read(text[span.value : span.value_end]), value)


@settings(max_examples=300, deadline=None)
@given(DOCUMENTS)
def test_the_scanner_agrees_with_tomli_on_every_path_key_and_value(text: str) -> None:
    """Every path has one span; the text at its key is that key, and the text at its value reads as that value."""
    try:
        data = tomli.loads(text)
    except tomli.TOMLDecodeError:
        return
    check(text, data)


def test_the_scanner_agrees_with_tomli_on_a_hard_text() -> None:
    """One text with every form that TOML has, so that the property above cannot pass by refusing all it drew."""
    text = (
        'a.b."c d".\'e\' = """x"y""z"""\n[t.u]\nk = [1, [2, {x = 1, y.z = [{}]}], # no ] here\n  "]", ]\n'
        "[[p]]\nq = 1979-05-27 07:32:00\n[[p]]\n[p.r]\ns = '#'\n[[p.v]]\n[[p.v]]\nw = {}\n"
        "i = {a = 1, b = {c = [ ]}, \"\\u0064\" = ''''''}"
    )
    data = tomli.loads(text)
    assert data["p"][0]["q"] == dt.datetime(1979, 5, 27, 7, 32)  # noqa: DTZ001 - TOML's local time
    check(text, data)


def test_keys_and_values_are_found_to_the_character() -> None:
    """Offsets are those of the key as written, quotes included, and of the whole value."""
    text = '[ rules . alibaba ]\n"A.B" = { do = "retry" }\n'
    spans = scan(text).spans
    assert spans["rules",] == TextSpan(2, 7, 2, 7)
    assert spans["rules", "alibaba"] == TextSpan(10, 17, 10, 17)
    assert spans["rules", "alibaba", "A.B"] == TextSpan(20, 25, 28, 44)
    assert spans["rules", "alibaba", "A.B", "do"] == TextSpan(30, 32, 35, 42)


def test_deep_nesting_needs_no_recursion() -> None:
    """A text that is nested far deeper than Python's stack is scanned all the same."""
    text = "a = " + "[" * 5000 + "]" * 5000
    assert scan(text, depth=3).spans["a",].value_end == len(text)


def test_a_dotted_key_of_many_parts_costs_no_more_than_its_depth() -> None:
    """Paths over the depth are left out, so a hostile key does not fill the memory."""
    text = ".".join(["a"] * 20000) + " = 1"
    assert set(scan(text, depth=3).spans) == {("a",), ("a", "a"), ("a", "a", "a")}


@pytest.mark.parametrize(
    ("text", "whats"),
    [
        pytest.param("a = {b = 1,}", ["a comma after the last entry of an inline table"], id="trailing-comma"),
        pytest.param("a = {\nb = 1}", ["an inline table on more than one line"], id="lines"),
        pytest.param("a = {b = 1 # x\n}", ["an inline table on more than one line"], id="comment"),
        pytest.param('a = "\\e"', ["the escape \\e"], id="escape"),
        pytest.param('a = "\\\\\\x41"', ["the escape \\x"], id="escape-after-backslash"),
        pytest.param('"\\x41" = 1', ["the escape \\x"], id="escape-in-key"),
        pytest.param("a = 07:32", ["a time without seconds"], id="time"),
        pytest.param("a = 1979-05-27 07:32Z", ["a time without seconds"], id="date-and-time"),
        pytest.param("a = \"\\\\e\"\nb = '\\e'\nc = [\n1,\n]\nd = 07:32:00\ne = [{}, {a = [\n1]}]", [], id="old"),
    ],
)
def test_syntax_that_only_new_readers_know_is_noticed(text: str, whats: list[str]) -> None:
    """What TOML 1.1 added is noticed, and nothing else."""
    tomli.loads(text)
    assert [novelty.what for novelty in scan(text).novelties] == whats
