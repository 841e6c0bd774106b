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
@click.option(
    "--tests",
    is_flag=True,
    help="Also write tests beside it, as mqtt.test.toml; of a policy that is there already, only the tests.",
)
def init(file: Path, chosen: tuple[str, ...], environments: tuple[str, ...], *, tests: bool) -> None:
    """
    Write a policy with comments, ready for use.

    It extends the policies of the package, and has a table for each environment. FILE must not exist yet, unless only
    its tests are to be written.
    """
    if tests and file.exists():
        _write_tests(file)
        return
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
    if tests:
        _write_tests(file)
    if not schema.exists():
        click.echo(f"for help in editors: resilience schema > {schema}")


def _write_tests(policy: Path) -> None:
    """Write a first test file beside a policy."""
    # Imported here, because a policy alone needs no simulation.
    from resilience.cli.screen import load  # noqa: PLC0415
    from resilience.scenarios import starter as tests_of  # noqa: PLC0415

    environments: tuple[str | None, ...] = load(os.fspath(policy), None).environments or (None,)
    policies = [load(os.fspath(policy), env) for env in environments]
    file = policy.with_name(f"{policy.name.removesuffix('.toml')}.test.toml")
    text = tests_of(policies, file=os.fspath(file), source=policy.name, base=os.fspath(policy.parent))
    try:
        write_new(file, text)
    except FileExistsError:
        raise click.UsageError(f"{file} exists already; remove it first") from None
    except OSError as error:
        raise click.UsageError(f"cannot write {file}: {(error.strerror or str(error)).lower()}") from None
    click.echo(f"wrote {file}; run it with: resilience test {file}")


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
