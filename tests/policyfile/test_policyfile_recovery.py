"""Whatever is no TOML in one statement, all else that is wrong in the file is told in the same run."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from resilience.policyfile import Policy, PolicyError
from resilience.policyfile.lint import inspect, inspect_text

HEAD = 'schema = 1\nunknown = "fial"\n[limits]\ndeadline = "1m"\n[actions.slow]\ndo = "retry"\n'
TAIL = '\n[rules.acme]\nX = "retyr"\nY = "slow"\nZ = "patient"\n'
PLANTED = [(2, "RP040"), (9, "RP040"), (11, "RP040")]

# A statement, where it is wrong, what is said, and what then is right; None where no one text is.
BROKEN = [
    ("[rules.alibaba", 15, "as in [rules.alibaba]", "[rules.alibaba]"),
    ("rules.alibaba]", 1, "begins with [", "[rules.alibaba]"),
    ("[[rules.alibaba]", 2, "with one pair of brackets, as in [rules.alibaba]", "[rules.alibaba]"),
    ("[rules.alibaba]]", 16, "leave ] out", "[rules.alibaba]"),
    ("[rules.alibaba] for all", 17, "begins with #", "[rules.alibaba] # for all"),
    ("[rules.alibaba];", 16, "leave the semicolon out", "[rules.alibaba]"),
    ("[rules.alibaba]:", 16, "leave : out", "[rules.alibaba]"),
    ("[rules.alibaba] = {", 17, "leave = out", "[rules.alibaba]"),
    ("[rules alibaba]", 2, "write [rules.alibaba]", "[rules.alibaba]"),
    ("[rules/alibaba]", 2, "write [rules.alibaba]", "[rules.alibaba]"),
    ("[rules..alibaba]", 2, "write [rules.alibaba]", "[rules.alibaba]"),
    ('[rules."alibaba]', 2, "write [rules.alibaba]", "[rules.alibaba]"),
    ("(rules.alibaba)", 1, "as in [limits]", "[rules.alibaba]"),
    ("[]", 2, "stands in brackets, as in [limits]", None),
    ("max 3", 5, "write = between", "max = 3"),
    ("max: 3", 4, "write = between", "max = 3"),
    ("max := 3", 5, "write = between", "max = 3"),
    ("max == 3", 6, "write one =", "max = 3"),
    ("max = 03", 7, "write 3", "max = 3"),
    ("max = 3,", 8, "leave the comma out", "max = 3"),
    ("max = 3;", 8, "leave the semicolon out", "max = 3"),
    ("max = 3 // often", 9, "a comment begins with #", "max = 3 # often"),
    ("max = 3 ; often", 9, "a comment begins with #", "max = 3 # often"),
    ("max = 3 times", 9, "begins with #", "max = 3 # times"),
    ("max =", 6, "a key needs a value", None),
    ("= 3", 1, "write a key before the =", None),
    ("max", 4, "write = between a key and its value, and # before a comment", None),
    ('max = 3 for = "5s"', 9, "in a line of its own", 'max = 3\nfor = "5s"'),
    ('max = 3, for = "5s"', 8, "in a line of its own", 'max = 3\nfor = "5s"'),
    ("max = 3]", 8, "leave ] out", "max = 3"),
    ("max = 1_000_", 7, "write 1000", "max = 1000"),
    ("max = 0X10", 7, "write 0x10", "max = 0x10"),
    ("for = 5s", 7, 'a duration needs quotes: "5s"', 'for = "5s"'),
    ("for = 5 s", 9, 'a duration needs quotes: "5s"', 'for = "5s"'),
    ('for = "5s', 7, "write a quotation mark behind it", 'for = "5s"'),
    ('for = 5s"', 7, "write a quotation mark before", 'for = "5s"'),
    ("for = '5s\"", 7, "ends with ' as well", "for = '5s'"),
    ('for = "5s""', 11, "leave this quotation mark out", 'for = "5s"'),
    ('for = """5s', 7, 'write """ behind it', 'for = """5s"""'),
    ("for = '''5s", 7, "write ''' behind it", "for = '''5s'''"),
    ("for = `5s`", 7, 'a text stands in "..."', 'for = "5s"'),
    ("for = \u201c5s\u201d", 7, 'write "5s"', 'for = "5s"'),
    ("for = 2026-13-01", 11, "a policy has no dates", None),
    ("counts = True", 10, "write true, in lower case", "counts = true"),
    ("counts = no", 10, "write false", "counts = false"),
    ("counts = nil", 10, "leave the key out", None),
    ("then = fail", 8, 'a text needs quotes: "fail"', 'then = "fail"'),
    ('"max" 3', 7, "write = between", '"max" = 3'),
    ('"max = 3', 1, "write a quotation mark behind it", '"max" = 3'),
    ('max" = 3', 1, "write a quotation mark before", '"max" = 3'),
    ("// comment", 1, "a comment begins with #", "# comment"),
    ("-- comment", 1, "a comment begins with #", "# comment"),
    ("; comment", 1, "a comment begins with #", "# comment"),
    ("/* comment */", 1, "a comment begins with #", "# comment */"),
    ("foo bar baz", 5, "# before a comment", None),
    ("},", 1, "leave }, out", None),
    ("- max", 3, "an array is written in brackets", None),
    ("=======", 1, "a merge left this mark", None),
    ("max = 3 # \x00", 11, "leave the character U+0000", "max = 3"),
    ("max\x07 = 3", 4, "leave the character U+0007", "max = 3"),
    ("max\u00a0= 3", 1, 'write "max"', "max = 3"),
    ("max = ${MAX}", 7, "a text needs quotes", None),
    ("@import x", 1, "invalid statement", None),
    ("x = " + 1000 * "[" + 1000 * "]", 1, "nested too deeply", None),
    ("max = " + 5000 * "9", 7, "too many digits", None),
]


def found_in(text: str) -> list[tuple[int, int, str, str]]:
    """Return the errors of a text."""
    found = inspect_text(text, name="policy")
    return [(each.line, each.column, each.rule, each.message) for each in found if each.severity == "error"]


@pytest.mark.parametrize(("broken", "column", "said", "right"), BROKEN, ids=[each[0][:30] for each in BROKEN])
def test_one_statement_hides_nothing(broken: str, column: int, said: str, right: str | None) -> None:
    """The mistake is told where it is with what to write, all else as well, and nothing that only follows from it."""
    found = found_in(HEAD + broken + TAIL)
    assert [(line, rule) for line, _, rule, _ in found if line != 7] == PLANTED
    (wrong,) = [each for each in found if each[0] == 7]
    assert wrong[1:3] == (column, "RP045")
    assert said in wrong[3]
    with pytest.raises(PolicyError):
        Policy.loads(HEAD.replace("fial", "fail") + broken)
    if right is not None:
        assert [each for each in found_in(HEAD.replace("fial", "fail") + right) if "lost" not in each[3]] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('A = ["x" "y"\n', [(10, 10, "comma"), (10, 5, "write ] behind it")], id="array"),
        pytest.param('A = [{ do = "fail" max = 3 ]\n', [(10, 20, "comma"), (10, 28, "}")], id="brackets"),
        pytest.param('A = { do = "fail",\n', [(10, 5, "write } behind it")], id="table-without-end"),
        pytest.param("A = {\n  do = 'fail'\n  max = 3\n}\n", [(12, 3, "comma")], id="lines-without-comma"),
        pytest.param('A = { do: "fail", max = 3 )\n', [(10, 9, "write ="), (10, 27, "}")], id="colon"),
        pytest.param('A = "fail", "retry" ]\n', [(10, 11, "[...]")], id="array-without-beginning"),
        pytest.param('A = """\nfail\n', [(10, 5, '"""')], id="text-of-several-lines"),
        pytest.param('A = "C:\\path\\dir"\n', [(10, 8, "\\\\")], id="backslashes"),
        pytest.param('A = "fail" # \x01\n# \x02\n', [(10, 14, "U+0001"), (11, 3, "U+0002")], id="comments"),
        pytest.param('<<<<<<< a\nA = "fail"\n=======\nA = "retry"\n>>>>>>> b\n', [(10, 1, "a merge")], id="merge"),
        pytest.param('A = "fail"\nA "retry"\n', [(11, 3, "write ="), (11, 1, "twice")], id="twice"),
    ],
)
def test_what_is_behind_is_read(text: str, expected: list[tuple[int, int, str]]) -> None:
    """Each mistake of a statement is told, and the next statement is read as if the one before were right."""
    head = HEAD.replace("fial", "fail") + "max = 3\n[env.a]\n[rules.acme]\n"
    last = 10 + text.count("\n")
    found = found_in(head + text + 'B = "retyr"\n[limits.x')
    wrong = [each for each in found if each[2] == "RP045" and each[0] < last]
    assert sorted(each[:2] for each in wrong) == sorted(each[:2] for each in expected)
    for line, column, said in expected:
        assert any(said in each[3] for each in wrong if each[:2] == (line, column))
    assert (last, 5, "RP040") in [each[:3] for each in found]
    assert (last + 1, 10, "RP045") in [each[:3] for each in found]


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        pytest.param("schema = ${X}\nlimits.deadline = '1m'", ["RP045"], id="schema"),
        pytest.param("schema = 1\n[limits]\ndeadline = ${X}", ["RP045"], id="deadline"),
        pytest.param('schema = 1\n[]\ndeadline = "1m"\nkind = "x"', ["RP045"], id="keys-of-a-lost-table"),
        pytest.param(
            'schema = 1\nlimits.deadline = "1m"\nactions.slow = ${X}\nrules.acme.X = "slow"', ["RP045"], id="action"
        ),
        pytest.param(
            'schema = 1\nlimits.deadline = "1m"\n[actions.a]\ndo = ${X}\npattern = "{n}"', ["RP045"], id="verb"
        ),
        pytest.param('schema = 1\nextends = ${X}\nrules.acme.X = "slow"', ["RP045"], id="extends"),
    ],
)
def test_what_only_follows_is_not_told(text: str, rules: list[str]) -> None:
    """What may stand in a statement that cannot be read is not called missing, unknown or without meaning."""
    assert [rule for _, _, rule, _ in found_in(text)] == rules


def test_bytes_that_are_not_utf_8_hide_nothing(tmp_path: Path) -> None:
    """Each line with such bytes is told once, in whatever part of it they are, and the others are read."""
    file = tmp_path / "latin.toml"
    head = HEAD.encode().replace(b"fial", b"fail")
    file.write_bytes(head + b'max = "\xe4\xf6"\nfor = "5" # \xfc\n[rules.acme]\nX = "\xff"\nY = "retyr"\n')
    found = [(each.line, each.column, each.rule) for each in inspect(file)]
    assert found[:5] == [(7, 8, "RP046"), (8, 7, "RP042"), (8, 13, "RP046"), (10, 6, "RP046"), (11, 5, "RP040")]


def test_carriage_returns_alone_end_lines_of_other_systems() -> None:
    """The file is read line by line all the same."""
    found = found_in(HEAD.replace("\n", "\r"))
    assert [each[:3] for each in found] == [(1, 11, "RP045"), (2, 11, "RP040")]


@pytest.mark.parametrize(
    "line",
    [
        '"K%d" "retry"',
        '"K%d" = [{ do = "retry",',
        "A%d = { x = %d,",
        '"K%d" = """x',
        "[rules.a%d",
        "foo %d",
        "<<<<<<< %d",
    ],
)
def test_the_time_grows_like_the_file(line: str) -> None:
    """Two thousand broken lines take less than half a second; each statement is looked at by itself."""
    text = "schema = 1\n[rules.acme]\n" + "\n".join(line.replace("%d", str(number)) for number in range(2_000))
    start = time.process_time()
    with pytest.raises(PolicyError) as caught:
        Policy.loads(text)
    assert time.process_time() - start < 1.5
    assert len(caught.value.problems) >= 2_000
