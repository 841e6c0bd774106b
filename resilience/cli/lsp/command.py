"""``resilience lsp``: a language server for policies, for editors."""

from __future__ import annotations

from importlib.util import find_spec

import click


@click.command()
@click.option("--tcp", type=click.IntRange(1, 65535), metavar="PORT", help="Listen on this port of 127.0.0.1 instead.")
def lsp(tcp: int | None) -> None:
    """
    Serve policies to an editor, by the Language Server Protocol.

    The editor starts this command, and speaks to it over standard input and output. It shows findings as one types, in
    all environments; what a code, a key, an action means, and where values come from; and it completes, goes to
    definitions, finds references, renames actions and backoffs, and corrects what was misspelled. How to set up VS
    Code, Neovim, Helix and Zed is in the docstring of resilience.cli.lsp.server.
    """
    if find_spec("pygls") is None:
        raise click.UsageError("the language server needs pygls; install it with: pip install 'mqtt-resilience[lsp]'")
    # Imported here, because only this command needs pygls.
    from resilience.cli.lsp.server import server  # noqa: PLC0415

    if tcp is None:
        server.start_io()
    else:
        server.start_tcp("127.0.0.1", tcp)
