"""Rows: read, converted to arguments, and checked before anything is sent."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from resilience.fleet import RowsError
from resilience.fleet.progress import DONE, FAILED
from resilience.fleet.rows.check import CheckedRows, KeyOf, checked
from resilience.fleet.rows.left import write_left
from resilience.fleet.rows.parameters import Parameters
from resilience.fleet.rows.source import rows_of


def create(  # one parameter of each kind
    name: str,
    count: int = 1,
    weight: float | None = None,
    *,
    shared: bool = False,
    note: str | None = None,
    tags: list[str] | None = None,
    anything: Any = None,
    **others: Any,
) -> None:
    """Take values of each kind."""


def narrow(name: str, group_id: str = "") -> None:
    """Take these two."""


def by_name(arguments: Mapping[str, Any]) -> Mapping[str, str]:
    return {"Name": arguments["name"]}


def check(folder: Path, text: str | bytes, key_of: KeyOf | None = None, name: str = "fleet.csv") -> CheckedRows:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    source = rows_of(file)
    source.name = name
    return checked(source, Parameters(create), key_of)


def arguments(rows: CheckedRows) -> list[dict[str, Any]]:
    return [found for _, _, found in rows]


@pytest.mark.parametrize(
    ("column", "cell", "argument"),
    [
        ("count", "12", 12),
        ("count", " -3 ", -3),
        ("weight", "1.5", 1.5),
        ("weight", "2", 2.0),
        ("shared", "true", True),
        ("shared", "No", False),
        ("note", "007", "007"),
        ("note", " x ", " x "),
        ("anything", "5", "5"),
        ("other", "5", "5"),
    ],
)
def test_a_cell_becomes_what_the_annotation_says(tmp_path: Path, column: str, cell: str, argument: object) -> None:
    """A text of CSV is converted; a text for a parameter without a known annotation stays a text."""
    (found,) = arguments(check(tmp_path, f"name,{column}\na,{cell}\n"))
    assert found == {"name": "a", column: argument}
    assert type(found[column]) is type(argument)


def test_an_empty_cell_is_the_default(tmp_path: Path) -> None:
    """A parameter with a default is left out where the cell is empty."""
    assert arguments(check(tmp_path, "name,count,note\na,,\n")) == [{"name": "a"}]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("name,count\na,hunter2\n", "2: count: expected a whole number, found a text of 7", id="int"),
        pytest.param("name,count\na,1_0\n", "fleet.csv:2: count: expected a whole number", id="int-underscore"),
        pytest.param("name,weight\na,nan\n", "fleet.csv:2: weight: expected a number", id="nan"),
        pytest.param("name,shared\na,maybe\n", "fleet.csv:2: shared: expected true or false", id="bool"),
        pytest.param("name,tags\na,x\n", "fleet.csv:2: tags: expected list[str]", id="list"),
        pytest.param("name,count\n,1\n", "fleet.csv:2: name: expected a text, found an empty cell", id="empty"),
        pytest.param("na\na\n", "fleet.csv:1: expected name, a parameter of create", id="column"),
        pytest.param("count\n1\n", "fleet.csv:1: expected name, a parameter of create without a default", id="missing"),
        pytest.param("name,name\na,b\n", "fleet.csv:1: name: expected each column once", id="column-twice"),
        pytest.param("name\na,b\n", "fleet.csv:2: expected 1 cells, as in the first line, found 2", id="ragged"),
        pytest.param('name\n"a\nb"\n"c\n', "fleet.csv:4: expected CSV", id="open-quote"),
        pytest.param(b"name\n\xff\n", "expected UTF-8", id="encoding"),
        pytest.param("", "fleet.csv:1: expected name", id="nothing"),
        pytest.param('{"name": 1}\n', "fleet.csv:1: name: expected a text, found a whole number", id="json-type"),
        pytest.param('{"name": null}\n', "fleet.csv:1: name: expected a text, found null", id="json-null"),
        pytest.param('{"name": "a", "count": true}', "count: expected a whole number, found true", id="json-bool"),
        pytest.param('{"name": "a"}\n{"nam": "b"}\n', "fleet.csv:2: expected name, a parameter of", id="json-name"),
        pytest.param('{"name": "a", "name": "b"}\n', "fleet.csv:1: expected each name once", id="json-twice"),
        pytest.param('{"name": "a"}\n[1]\n', "fleet.csv:2: expected a JSON object in one line, found", id="json-list"),
        pytest.param('{"name": "a"\n', "fleet.csv:1: expected a JSON object in one line; column", id="json-broken"),
        pytest.param('{"name": "a", "weight": NaN}\n', "which has neither NaN", id="json-nan"),
    ],
)  # fmt: skip
def test_a_row_that_does_not_fit_is_a_problem(tmp_path: Path, text: str | bytes, problem: str) -> None:
    """The message says where, what was expected and what was found; it never shows a value."""
    with pytest.raises(RowsError) as raised:
        check(tmp_path, text)
    assert problem in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """All rows are checked; beyond a screen, problems are counted."""
    with pytest.raises(RowsError) as raised:
        check(tmp_path, "name,count\n" + "a,x\n" * 1000)
    assert raised.value.count == 1000
    assert len(str(raised.value).splitlines()) == 22
    assert str(raised.value).endswith("and 980 more")


def test_two_rows_for_one_resource_are_a_problem(tmp_path: Path) -> None:
    """The second one is told with the line of the first, without the name."""
    with pytest.raises(RowsError) as raised:
        check(tmp_path, "name,count\na,1\nb,1\na,2\n", by_name)
    assert raised.value.problems == ("fleet.csv:4: expected another Name in each row, found that of line 2 again",)


def test_a_byte_order_mark_and_empty_lines_are_no_rows(tmp_path: Path) -> None:
    """Spreadsheets write both."""
    assert arguments(check(tmp_path, b"\xef\xbb\xbfname\r\na\r\n\r\nb\r\n")) == [{"name": "a"}, {"name": "b"}]
    assert arguments(check(tmp_path, b'\xef\xbb\xbf{"name": "a"}\n\n')) == [{"name": "a"}]


def test_values_of_json_are_taken_as_they_are(tmp_path: Path) -> None:
    """Lists, objects and null are arguments."""
    row = {"name": "a", "weight": 2, "tags": ["x"], "anything": {"k": None}, "note": None}
    assert arguments(check(tmp_path, json.dumps(row))) == [row]


def test_rows_of_a_generator_are_read_more_than_once() -> None:
    """A generator is kept in a temporary file, so that its rows can be checked first."""
    rows = checked(rows_of({"name": f"n{number}"} for number in range(3)), Parameters(create), by_name)
    assert arguments(rows) == arguments(rows) == [{"name": "n0"}, {"name": "n1"}, {"name": "n2"}]


def test_rows_that_change_after_the_check_are_not_sent(tmp_path: Path) -> None:
    """A file that grew has rows that were not checked."""
    rows = check(tmp_path, "name\na\n")
    (tmp_path / "fleet.csv").write_text("name\na\nb\n", encoding="utf-8")
    with pytest.raises(RowsError, match="leave the file as it is") as raised:
        list(rows)
    assert "nothing has been sent" not in str(raised.value)


def test_an_unknown_column_is_told_with_the_nearest_parameter(tmp_path: Path) -> None:
    """A name that may be a value, as in a file without names of columns, is not shown."""
    file = tmp_path / "fleet.csv"
    file.write_text("name,gruop_id,x,kq8Zp2xW9vB4tLm7\na,b,c,d\n", encoding="utf-8")
    with pytest.raises(RowsError) as raised:
        checked(rows_of(file), Parameters(narrow), None)
    assert [each.removeprefix(f"{file}:1: ") for each in raised.value.problems] == [
        'gruop_id: expected a parameter of narrow; did you mean "group_id"?',
        "x: expected a parameter of narrow; its parameters are name, group_id",
        "a column with a name of 16 characters: expected a parameter of narrow; its parameters are name, group_id",
    ]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        pytest.param('name,note\na,"x, ""y""\nz"\nb,\nc,1\n', 'name,note\na,"x, ""y""\nz"\nc,1\n', id="csv"),
        pytest.param('{"name": "ä"}\n{"name": "b"}\n{"name": "c"}\n', '{"name": "ä"}\n{"name": "c"}\n', id="json"),
    ],
)
def test_the_rows_that_are_left_have_the_form_of_the_input(tmp_path: Path, text: str, left: str) -> None:
    """Those that failed or have no outcome; the file may be the input itself."""
    rows = check(tmp_path, text)
    write_left(tmp_path / "fleet.csv", rows.source, bytearray([FAILED, DONE, 0]))
    assert (tmp_path / "fleet.csv").read_text(encoding="utf-8") == left
    assert [each.name for each in tmp_path.iterdir()] == ["fleet.csv"]


def test_checking_many_rows_takes_little_memory(tmp_path: Path) -> None:
    """100,000 rows take a few bytes each, for the hashes of their keys."""
    text = "name,count\n" + "".join(f"n{number},1\n" for number in range(100_000))
    tracemalloc.start()
    try:
        assert check(tmp_path, text.encode(), by_name).count == 100_000
        assert tracemalloc.get_traced_memory()[1] < len(text) + 10_000_000
    finally:
        tracemalloc.stop()
