"""
The language server: what an editor asks, answered from the documents.

Policies are TOML files, so the server is one more server for TOML, beside one for the language itself. It answers about
policies only: files with ``schema`` and a table of a policy, and their tests.

VS Code, with the extension "Generic LSP Client"; in ``settings.json``::

    "glspc.server.command": "resilience",
    "glspc.server.commandArguments": ["lsp"],
    "glspc.server.languageId": ["toml"]

Neovim 0.11, in ``init.lua``::

    vim.lsp.config.resilience = { cmd = { "resilience", "lsp" }, filetypes = { "toml" }, root_markers = { ".git" } }
    vim.lsp.enable("resilience")

Helix, in ``languages.toml``::

    [language-server.resilience]
    command = "resilience"
    args = ["lsp"]

    [[language]]
    name = "toml"
    language-servers = ["taplo", "resilience"]

Zed, in ``settings.json``, with an extension that starts the command for TOML, or any that runs a command as a server::

    "lsp": { "resilience": { "binary": { "path": "resilience", "arguments": ["lsp"] } } },
    "languages": { "TOML": { "language_servers": ["resilience", "..."] } }
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

from resilience import __version__
from resilience.cli.lsp.completion import Completion, completions
from resilience.cli.lsp.documents import Document, Documents, TextRange
from resilience.cli.lsp.fixes import fix
from resilience.cli.lsp.hover import hover
from resilience.cli.lsp.names import NamePlace, definitions, renamed, thing_at, uses
from resilience.policyfile import Problem
from resilience.policyfile.files.policy_file import BUILTIN, builtin_path
from resilience.policyfile.format.tables import TABLES

_SEVERITY: Final = {
    "error": lsp.DiagnosticSeverity.Error,
    "warning": lsp.DiagnosticSeverity.Warning,
    "info": lsp.DiagnosticSeverity.Information,
}
_KINDS: Final = {
    "key": lsp.CompletionItemKind.Property,
    "code": lsp.CompletionItemKind.EnumMember,
    "operation": lsp.CompletionItemKind.Function,
    "action": lsp.CompletionItemKind.Method,
    "environment": lsp.CompletionItemKind.Module,
    "table": lsp.CompletionItemKind.Struct,
    "value": lsp.CompletionItemKind.Value,
    "file": lsp.CompletionItemKind.File,
}


class PolicyServer(LanguageServer):
    """
    The server of one editor.

    Attributes:
        documents: Its open documents.
    """

    def __init__(self) -> None:
        super().__init__("resilience", __version__)
        self.documents = Documents()

    def document(self, uri: str) -> Document | None:
        """Return an open document that is a policy or a test file; None for another one."""
        name = to_fs_path(uri)
        found = None if name is None else self.documents.open.get(name)
        return found if found is not None and _is_ours(found) else None

    def publish(self) -> None:
        """Send the findings of all open documents: one may extend another."""
        for name, document in self.documents.open.items():
            problems = self.documents.problems(document) if _is_ours(document) else ()
            self.text_document_publish_diagnostics(
                lsp.PublishDiagnosticsParams(
                    uri=_uri(name), diagnostics=[_diagnostic(document, each) for each in problems]
                )
            )


server: Final = PolicyServer()


@server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
def opened(ls: PolicyServer, params: lsp.DidOpenTextDocumentParams) -> None:
    """Take a document in."""
    _take(ls, params.text_document.uri, params.text_document.text)


@server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
def changed(ls: PolicyServer, params: lsp.DidChangeTextDocumentParams) -> None:
    """Take the present text of a document; pygls has put the changes together."""
    uri = params.text_document.uri
    _take(ls, uri, ls.workspace.get_text_document(uri).source)


@server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
def saved(ls: PolicyServer, _: lsp.DidSaveTextDocumentParams) -> None:
    """Look again: a file that another one extends may have changed on the disk."""
    ls.publish()


@server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
def closed(ls: PolicyServer, params: lsp.DidCloseTextDocumentParams) -> None:
    """Forget a document."""
    name = to_fs_path(params.text_document.uri)
    if name is not None:
        ls.documents.drop(name)
    ls.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri=params.text_document.uri, diagnostics=[]))


@server.feature(lsp.TEXT_DOCUMENT_HOVER)
def hovered(ls: PolicyServer, params: lsp.HoverParams) -> lsp.Hover | None:
    """Say what stands at a position."""
    document = ls.document(params.text_document.uri)
    spot = None if document is None else document.spot(params.position.line, params.position.character)
    text = None if document is None or spot is None else hover(ls.documents, document, spot)
    if spot is None or text is None:
        return None
    return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, text), _range(spot.range))


@server.feature(
    lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionOptions(trigger_characters=['"', "'", ".", "[", "{", ",", "/", "="])
)
def completed(ls: PolicyServer, params: lsp.CompletionParams) -> list[lsp.CompletionItem]:
    """Say what can be written at a position."""
    document = ls.document(params.text_document.uri)
    if document is None or document.is_test:
        return []
    position = params.position
    return [
        _item(document, position, each)
        for each in completions(ls.documents, document, position.line, position.character)
    ]


@server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
def defined(ls: PolicyServer, params: lsp.DefinitionParams) -> list[lsp.Location]:
    """Go to where an action or a backoff is defined, or to a file that is extended."""
    document = ls.document(params.text_document.uri)
    spot = None if document is None else document.spot(params.position.line, params.position.character)
    if document is None or spot is None:
        return []
    if spot.path[:1] in {("extends",), ("policy",)} and not spot.is_key:
        name = ls.documents.extended(document, document.value(spot.path))
        target = None if name is None else ls.documents.get(name)
        return [] if target is None else _locations([NamePlace(document=target, range=target.range(0, 0))])
    thing = thing_at(document, spot)
    return [] if thing is None else _locations(definitions(ls.documents, document, thing))


@server.feature(lsp.TEXT_DOCUMENT_REFERENCES)
def referred(ls: PolicyServer, params: lsp.ReferenceParams) -> list[lsp.Location]:
    """Find all uses of an action or a backoff."""
    document = ls.document(params.text_document.uri)
    spot = None if document is None else document.spot(params.position.line, params.position.character)
    thing = None if document is None or spot is None else thing_at(document, spot)
    if document is None or thing is None:
        return []
    found = list(uses(ls.documents, document, thing))
    if params.context.include_declaration:
        found = [*definitions(ls.documents, document, thing), *found]
    return _locations(found)


@server.feature(lsp.TEXT_DOCUMENT_RENAME)
def rename(ls: PolicyServer, params: lsp.RenameParams) -> lsp.WorkspaceEdit | None:
    """Give an action or a backoff another name, wherever it stands."""
    document = ls.document(params.text_document.uri)
    spot = None if document is None else document.spot(params.position.line, params.position.character)
    thing = None if document is None or spot is None else thing_at(document, spot)
    if document is None or thing is None:
        return None
    places = renamed(ls.documents, document, thing)
    if isinstance(places, str):
        ls.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Warning, f"resilience: {places}"))
        return None
    changes: dict[str, list[lsp.TextEdit]] = {}
    for place, quote in places:
        text = f"{quote}{params.new_name}{quote}"
        changes.setdefault(_uri(place.document.name), []).append(lsp.TextEdit(_range(place.range), text))
    return lsp.WorkspaceEdit(changes=changes)


@server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix]))
def corrected(ls: PolicyServer, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    """Offer to write what a finding says was meant."""
    document = ls.document(params.text_document.uri)
    if document is None:
        return []
    found = []
    for problem in ls.documents.problems(document):
        place = document.range_of(problem)
        if not params.range.start.line <= place.start_line <= params.range.end.line:
            continue
        correction = fix(document, problem)
        if correction is not None:
            edit = lsp.TextEdit(_range(correction.range), correction.text)
            found.append(
                lsp.CodeAction(
                    title=correction.title,
                    kind=lsp.CodeActionKind.QuickFix,
                    diagnostics=[_diagnostic(document, problem)],
                    edit=lsp.WorkspaceEdit(changes={params.text_document.uri: [edit]}),
                    is_preferred=True,
                )
            )
    return found


def _take(ls: PolicyServer, uri: str, text: str) -> None:
    name = to_fs_path(uri)
    if name is not None:
        ls.documents.put(name, text)
        ls.publish()


def _is_ours(document: Document) -> bool:
    """Tell whether a TOML file is a policy, or the test of one: an editor sends them all."""
    if document.is_test:
        return True
    data = document.file.data
    return "schema" in data and any(key in data for key in (*TABLES, "extends", "env", "unknown"))


def _diagnostic(document: Document, problem: Problem) -> lsp.Diagnostic:
    return lsp.Diagnostic(
        range=_range(document.range_of(problem)),
        message=problem.message,
        severity=_SEVERITY[problem.severity],
        code=problem.rule,
        source="resilience",
    )


def _item(document: Document, position: lsp.Position, each: Completion) -> lsp.CompletionItem:
    """Return a completion that replaces what is written of it already, quotes included."""
    line = document.line(position.line)
    before = line[: position.character]
    start = position.character
    while start > 0 and (before[start - 1].isalnum() or before[start - 1] in "_-.:/*"):
        start -= 1
    if start > 0 and before[start - 1] in "\"'":
        start -= 1
    end = position.character
    if start < len(line) and line[start : start + 1] in {'"', "'"} and line[end : end + 1] == line[start]:
        end += 1
    text = each.text
    if each.kind in {"table", "environment"}:
        start = max(before.rfind("["), before.rfind(".")) + 1
        end = position.character
    return lsp.CompletionItem(
        label=text.strip("\"'"),
        kind=_KINDS[each.kind],
        detail=each.detail or None,
        filter_text=text
        if text[:1] in {'"', "'"} and start < len(line) and line[start : start + 1] == text[:1]
        else None,
        text_edit=lsp.TextEdit(lsp.Range(lsp.Position(position.line, start), lsp.Position(position.line, end)), text),
    )


def _locations(places: Iterable[NamePlace]) -> list[lsp.Location]:
    """Return places for the editor; those in a file of the package are in that file."""
    return [lsp.Location(_uri(each.document.name), _range(each.range)) for each in places]


def _uri(name: str) -> str:
    if name.startswith(BUILTIN):
        name = str(builtin_path(name.removeprefix(BUILTIN)))
    return from_fs_path(name) or name


def _range(place: TextRange) -> lsp.Range:
    return lsp.Range(lsp.Position(place.start_line, place.start), lsp.Position(place.end_line, place.end))
