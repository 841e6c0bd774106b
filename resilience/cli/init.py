"""``resilience init``: writes a first policy, to read and to change."""

from __future__ import annotations

import os
from pathlib import Path

import click

from resilience.catalog import providers
from resilience.policyfile.starter import is_bare, starter


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--provider",
    "chosen",
    multiple=True,
    type=click.Choice(providers()),
    help="A provider whose API the policy is for; repeat it for more. Default: all providers.",
)
@click.option(
    "-e",
    "--env",
    "environments",
    multiple=True,
    default=("dev", "prod"),
    show_default=True,
    metavar="NAME",
    help="An environment, such as dev, staging or prod; repeat it for more.",
)
def init(file: Path, chosen: tuple[str, ...], environments: tuple[str, ...]) -> None:
    """
    Write a policy with comments, ready for use.

    It extends the policies of the package, and has a table for each environment. FILE must not exist yet.
    """
    for env in environments:
        if not is_bare(env):
            raise click.BadParameter(f"expected letters, digits, - and _, got {env!r}", param_hint="--env")
    if not is_bare(file.name.removesuffix(".toml")):
        raise click.BadParameter(f"expected a name such as mqtt.toml, got {file.name!r}", param_hint="FILE")
    content = starter(chosen or providers(), environments, file=file.name)
    try:
        write_new(file, content)
    except FileExistsError:
        raise click.UsageError(f"{file} exists already; choose another name, or remove it first") from None
    except OSError as error:
        raise click.UsageError(f"cannot write {file}: {(error.strerror or str(error)).lower()}") from None
    schema = file.with_name("policy.schema.json")
    click.echo(f"wrote {file}")
    if not schema.exists():
        click.echo(f"for help in editors: resilience schema > {schema}")


def write_new(file: Path, content: str) -> None:
    """
    Write a new file, completely or not at all.

    Raises:
        FileExistsError: The file exists.
        OSError: The file cannot be written; nothing is left behind.
    """
    # Taking the name first keeps two writers from both finding it free.
    os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    draft = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        draft.write_text(content, encoding="utf-8", newline="\n")
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        file.unlink(missing_ok=True)
        raise
