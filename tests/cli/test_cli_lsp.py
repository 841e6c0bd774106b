"""``resilience lsp``, as an editor speaks to it: a real client over standard input and output."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

from resilience.policyfile import Policy

BASE = """\
schema = 1
limits = { deadline = "1m" }

[actions.patient]
do = "retry"
backoff = "slow"

[backoff.slow]
base = "2s"
cap = "9s"
"""
POLICY = """\
schema = 1
name = "shop"
extends = ["base.toml"]

[actions.once]
do = "retry"
max = 1
then = "patient"

[rules.alibaba]
"SystemOverFlow" = "patient"
"CreateGroupId/InternalError" = { do = "retry", backoff = "slow", max = 3 }
"Throttling" = "once"

[env.prod.limits]
deadline = "10m"
[env.prod.rules.alibaba]
"SystemOverFlow" = "once"
"""


class Editor:
    """A client with the documents of a folder."""

    def __init__(self, client: LanguageClient, folder: Path) -> None:
        self.client = client
        self.folder = folder
        self.found: dict[str, list[lsp.Diagnostic]] = {}
        self.said: list[str] = []
        self.news = asyncio.Event()

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def document(self, name: str) -> lsp.TextDocumentIdentifier:
        return lsp.TextDocumentIdentifier(self.uri(name))

    async def open(self, name: str, text: str) -> list[lsp.Diagnostic]:
        self.found.clear()
        item = lsp.TextDocumentItem(self.uri(name), "toml", 1, text)
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))
        return await self.diagnostics(name)

    async def change(self, name: str, text: str) -> list[lsp.Diagnostic]:
        self.found.clear()
        versioned = lsp.VersionedTextDocumentIdentifier(2, self.uri(name))
        whole = lsp.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(lsp.DidChangeTextDocumentParams(versioned, [whole]))
        return await self.diagnostics(name)

    async def diagnostics(self, name: str) -> list[lsp.Diagnostic]:
        while self.uri(name) not in self.found:
            await asyncio.wait_for(self.news.wait(), 30)
            self.news.clear()
        return self.found.pop(self.uri(name))

    async def hover(self, name: str, line: int, column: int) -> str:
        found = await self.client.text_document_hover_async(
            lsp.HoverParams(self.document(name), lsp.Position(line, column))
        )
        if found is None:
            return ""
        assert isinstance(found.contents, lsp.MarkupContent)
        return found.contents.value

    async def labels(self, name: str, line: int, column: int) -> list[str]:
        found = await self.client.text_document_completion_async(
            lsp.CompletionParams(self.document(name), lsp.Position(line, column))
        )
        assert isinstance(found, list)
        return [each.label for each in found]


@asynccontextmanager
async def editor(folder: Path) -> AsyncIterator[Editor]:
    client = LanguageClient("an-editor", "1")
    found = Editor(client, folder)

    def published(params: lsp.PublishDiagnosticsParams) -> None:
        found.found[params.uri] = list(params.diagnostics)
        found.news.set()

    def shown(params: lsp.ShowMessageParams) -> None:
        found.said.append(params.message)

    client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(published)
    client.feature(lsp.WINDOW_SHOW_MESSAGE)(shown)
    await client.start_io(sys.executable, "-m", "resilience", "lsp")
    try:
        options = lsp.InitializeParams(capabilities=lsp.ClientCapabilities(), root_uri=folder.as_uri())
        await asyncio.wait_for(client.initialize_async(options), 30)
        client.initialized(lsp.InitializedParams())
        yield found
    finally:
        # Also after a failed assertion: else the client would wait for its server for ever.
        await asyncio.wait_for(client.shutdown_async(None), 30)
        client.exit(None)
        await client.stop()  # type: ignore[no-untyped-call]  # pygls has no type for it


def in_an_editor(story: Callable[[Editor], Awaitable[None]], folder: Path) -> None:
    async def main() -> None:
        async with editor(folder) as found:
            await asyncio.wait_for(story(found), 60)

    asyncio.run(main())


def edited(text: str, edits: list[Any]) -> str:
    """Return a text with the edits of a client, the last one first."""
    lines = text.split("\n")
    for edit in sorted(edits, key=lambda each: (each.range.start.line, each.range.start.character), reverse=True):
        start, end = edit.range.start, edit.range.end
        assert start.line == end.line
        line = lines[start.line]
        lines[start.line] = line[: start.character] + edit.new_text + line[end.character :]
    return "\n".join(lines)


@pytest.fixture(autouse=True)
def _files(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text(BASE)
    (tmp_path / "shop.toml").write_text(POLICY)


def test_findings_come_as_one_types_and_can_be_corrected(tmp_path: Path) -> None:
    """An error has its place and id; the proposed correction makes it go; other TOML files are left alone."""

    async def story(ours: Editor) -> None:
        assert [each.code for each in await ours.open("shop.toml", POLICY) if each.code != "RP063"] == []
        wrong = POLICY.replace('"SystemOverFlow" = "patient"', '"SystemOverFlow" = "pateint"')
        [error] = [each for each in await ours.change("shop.toml", wrong) if each.severity == 1]
        assert (error.code, error.source) == ("RP040", "resilience")
        assert wrong.split("\n")[error.range.start.line][error.range.start.character : error.range.end.character] == (
            '"pateint"'
        )
        context = lsp.CodeActionContext(diagnostics=[error])
        actions = await ours.client.text_document_code_action_async(
            lsp.CodeActionParams(ours.document("shop.toml"), error.range, context)
        )
        [action] = actions or []
        assert isinstance(action, lsp.CodeAction)
        assert action.title == 'Change "pateint" to "patient"'
        assert action.edit is not None
        assert action.edit.changes is not None
        assert edited(wrong, list(action.edit.changes[ours.uri("shop.toml")])) == POLICY
        broken = await ours.change("shop.toml", POLICY + "[rules.alibaba\n")
        assert {each.code for each in broken if each.severity == 1} == {"RP045"}
        assert await ours.open("pyproject.toml", '[project]\nname = "x"\n') == []

    in_an_editor(story, tmp_path)


def test_a_change_of_an_open_base_is_seen_in_what_extends_it(tmp_path: Path) -> None:
    """The unsaved text of one file counts for the other."""

    async def story(ours: Editor) -> None:
        await ours.open("shop.toml", POLICY)
        await ours.open("base.toml", BASE)
        await ours.change("base.toml", BASE.replace("actions.patient", "actions.impatient"))
        errors = [each for each in await ours.diagnostics("shop.toml") if each.severity == 1]
        assert {each.code for each in errors} == {"RP040"}
        assert (tmp_path / "base.toml").read_text() == BASE

    in_an_editor(story, tmp_path)


def test_hovering_says_what_things_mean(tmp_path: Path) -> None:
    """A code with what the policy does about it in each environment; a key with the origin of its value; an action."""

    async def story(ours: Editor) -> None:
        await ours.open("shop.toml", POLICY)
        code = await ours.hover("shop.toml", 10, 4)
        assert code.startswith("**SystemOverFlow**\n\n")
        assert "class `" in code
        assert "without environment: **patient**: `retry`" in code
        assert "prod: **once**: `retry`" in code
        assert "shop.toml:18:20" in code
        operation = await ours.hover("shop.toml", 11, 20)
        assert "on `CreateGroupId`" in operation
        assert "repeat `conflict`" in operation
        deadline = await ours.hover("shop.toml", 15, 2)
        assert "attempts, waits and remedies of a call together" in deadline
        assert "prod: " in deadline
        assert "replaces `1m`" in deadline
        action = await ours.hover("shop.toml", 10, 24)
        assert action.startswith("**patient**, an action")
        assert "| `backoff.slow.base` | `2s` |" in action
        assert "base.toml:9:8" in action
        assert await ours.hover("shop.toml", 3, 0) == ""

    in_an_editor(story, tmp_path)


def test_completion_knows_codes_operations_actions_environments_and_keys(tmp_path: Path) -> None:
    """By the table, the key and what is written of the value."""
    text = POLICY + '"" = ""\n[limits]\n\n[actions.x]\ndo = "retry"\nbackoff = ""\n[env.]\n[rules.]\n'
    lines = text.split("\n")

    def line(part: str) -> int:
        return next(index for index, each in enumerate(lines) if each == part)

    async def story(ours: Editor) -> None:
        await ours.open("shop.toml", text)
        codes = await ours.labels("shop.toml", line('"" = ""'), 1)
        assert {"SystemOverFlow", "CreateGroupId/"} <= set(codes)
        actions = await ours.labels("shop.toml", line('"" = ""'), 6)
        assert {"retry", "patient", "once"} <= set(actions)
        keys = await ours.labels("shop.toml", line("[limits]") + 1, 0)
        assert {"deadline", "attempt_timeout", "max_attempts", "settle"} == set(keys)
        assert "slow" in await ours.labels("shop.toml", line('backoff = ""'), 11)
        assert await ours.labels("shop.toml", line("[env.]"), 5) == ["prod"]
        assert {"alibaba", "tencent", "transport"} <= set(await ours.labels("shop.toml", line("[rules.]"), 7))

    in_an_editor(story, tmp_path)


def test_what_completion_writes_replaces_what_is_written_already(tmp_path: Path) -> None:
    """No quotation mark comes twice, whatever the editor has closed by itself."""

    async def story(ours: Editor) -> None:
        await ours.open("shop.toml", POLICY)
        for written, column in (('"Thro" = "retry"', 5), ('"Thro = "retry"', 5), ("Thro", 4), ('"', 1), ('""', 1)):
            text = POLICY.split("[env.prod.limits]", maxsplit=1)[0] + written + "\n"
            number = text.count("\n") - 1
            await ours.change("shop.toml", text)
            found = await ours.client.text_document_completion_async(
                lsp.CompletionParams(ours.document("shop.toml"), lsp.Position(number, column))
            )
            assert isinstance(found, list)
            [item] = [each for each in found if each.label == "Throttling"]
            line = edited(text, [item.text_edit]).split("\n")[number]
            assert line.startswith('"Throttling"')
            assert '""' not in line

    in_an_editor(story, tmp_path)


def test_definitions_references_and_new_names_reach_through_extends(tmp_path: Path) -> None:
    """An action of the base is found from its use, its uses from its definition; a new name is written everywhere."""

    async def story(ours: Editor) -> None:
        await ours.open("shop.toml", POLICY)
        await ours.open("base.toml", BASE)
        position = lsp.Position(10, 24)
        found = await ours.client.text_document_definition_async(
            lsp.DefinitionParams(ours.document("shop.toml"), position)
        )
        assert isinstance(found, list)
        assert [(each.uri, each.range.start.line) for each in found if isinstance(each, lsp.Location)] == [
            (ours.uri("base.toml"), 3)
        ]
        uses = await ours.client.text_document_references_async(
            lsp.ReferenceParams(
                lsp.ReferenceContext(include_declaration=False), ours.document("base.toml"), lsp.Position(3, 12)
            )
        )
        assert sorted((each.uri.rpartition("/")[2], each.range.start.line) for each in uses or []) == [
            ("shop.toml", 7),
            ("shop.toml", 10),
        ]
        edit = await ours.client.text_document_rename_async(
            lsp.RenameParams(ours.document("base.toml"), lsp.Position(3, 12), "calm")
        )
        assert edit is not None
        assert edit.changes is not None
        base = edited(BASE, list(edit.changes[ours.uri("base.toml")]))
        shop = edited(POLICY, list(edit.changes[ours.uri("shop.toml")]))
        assert (base, shop) == (BASE.replace("patient", "calm"), POLICY.replace("patient", "calm"))
        (tmp_path / "base.toml").write_text(base)
        (tmp_path / "shop.toml").write_text(shop)
        assert Policy.load(tmp_path / "shop.toml").actions["calm"].do == "retry"
        target = await ours.client.text_document_definition_async(
            lsp.DefinitionParams(ours.document("shop.toml"), lsp.Position(2, 15))
        )
        assert isinstance(target, list)
        assert [each.uri for each in target if isinstance(each, lsp.Location)] == [ours.uri("base.toml")]

    in_an_editor(story, tmp_path)


def test_a_name_of_the_package_is_found_and_not_changed(tmp_path: Path) -> None:
    """``builtin:`` files are opened where they are, and their names stay."""
    text = 'schema = 1\nextends = ["builtin:alibaba-mqtt"]\n[rules.alibaba]\n"Throttling" = "patient"\n'

    async def story(ours: Editor) -> None:
        await ours.open("mine.toml", text)
        position = lsp.Position(3, 18)
        found = await ours.client.text_document_definition_async(
            lsp.DefinitionParams(ours.document("mine.toml"), position)
        )
        assert isinstance(found, list)
        [place] = [each for each in found if isinstance(each, lsp.Location)]
        assert place.uri.endswith("/policies/common.toml")
        edit = await ours.client.text_document_rename_async(
            lsp.RenameParams(ours.document("mine.toml"), position, "calm")
        )
        assert edit is None
        assert any("builtin:common" in each for each in ours.said)

    in_an_editor(story, tmp_path)
