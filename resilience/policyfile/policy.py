"""Loads a policy from its files, checks all of it, and answers where each value comes from."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Self

from attrs import field, frozen

from resilience.core.fault import Origin
from resilience.core.policy import PolicyValues
from resilience.policyfile.assemble import Parts, assemble, in_order
from resilience.policyfile.decode.shared_limits import rate_paths
from resilience.policyfile.digest import digest
from resilience.policyfile.files.chain import Chain, chain_of
from resilience.policyfile.files.policy_file import BUILTIN, PolicyFile
from resilience.policyfile.garbage import without_collections
from resilience.policyfile.messages.problems import PolicyError, Problem


@frozen(kw_only=True, repr=False)
class Policy(PolicyValues):
    """
    A policy that was read from files, for one environment.

    Attributes:
        environments: The environments of its files, in the order of the files.
        sources: The names of the files, as the user wrote them, in the order of merging.
    """

    environments: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    _parts: Parts | None = field(default=None, eq=False)
    _files: tuple[PolicyFile, ...] = field(default=(), eq=False)

    @classmethod
    def load(cls, source: str | os.PathLike[str], *, env: str | None = None) -> Self:
        """
        Read a policy from a file and everything that it extends.

        Args:
            source: A path, or ``builtin:NAME`` for a policy of the package.
            env: The environment. None takes the one in ``RESILIENCE_ENV``, which is ignored
                if it is empty or the files define no environment.

        Raises:
            PolicyError: A file has an error or cannot be read, or there is no such environment.
                The exception has all problems of all files.
        """
        with without_collections():
            return cls._of(chain_of(source), env, _ambient())

    @classmethod
    def loads(
        cls, text: str, *, env: str | None = None, name: str = "<string>", base: str | os.PathLike[str] | None = None
    ) -> Self:
        """
        Read a policy from a text and everything that it extends.

        Args:
            text: The TOML text.
            env: As for :meth:`load`.
            name: The name of the text in messages.
            base: The directory that its ``extends`` starts from; None for the current one.

        Raises:
            PolicyError: As for :meth:`load`.
        """
        with without_collections():
            chain = Chain()
            chain.add_text(text, name=name, base="" if base is None else base)
            return cls._of(chain, env, _ambient())

    @classmethod
    def in_env(
        cls,
        source: str | os.PathLike[str],
        env: str | None,
        *,
        texts: Mapping[str, str] = MappingProxyType({}),
    ) -> Self:
        """
        Read a policy from a file and everything that it extends, for exactly this environment.

        Args:
            source: As for :meth:`load`.
            env: The environment; None for none, whatever ``RESILIENCE_ENV`` says.
            texts: By their names, the texts of files that are not read from the disk, as an editor has them.

        Raises:
            PolicyError: As for :meth:`load`.
        """
        with without_collections():
            return cls._of(chain_of(source, texts), env, None)

    @classmethod
    def of_texts(cls, texts: Sequence[tuple[str, str]], *, base: str, env: str | None) -> Self:
        """
        Read a policy from the texts of its files, as :attr:`texts` has them.

        Args:
            texts: The absolute names and the texts; the policy itself is the last one.
            base: The directory that the ``extends`` of the policy itself starts from.
            env: The environment; None for none, whatever ``RESILIENCE_ENV`` says.

        Raises:
            PolicyError: As for :meth:`load`.
        """
        name, text = texts[-1]
        chain = Chain(texts=dict(texts))
        with without_collections():
            if name.startswith(BUILTIN):
                chain.add_root(name)
            else:
                chain.add_text(text, name=name, base=base)
            return cls._of(chain, env, None)

    @classmethod
    def _of(cls, chain: Chain, env: str | None, ambient: str | None) -> Self:
        parts = assemble(chain, env, ambient)
        files = tuple(chain.sources)
        return cls(
            **parts.values,
            digest=digest(parts.values),
            env=parts.env,
            environments=parts.environments,
            sources=tuple(source.name for source in files),
            parts=parts,
            files=files,
        )

    def origin(self, *path: str | int) -> Origin | None:
        """
        Return the place of an effective value: ``policy.origin("limits", "deadline")``.

        Args:
            path: The keys that lead to the value, without ``env`` and its name, as in
                ``("rules", "alibaba", "InternalError")``.

        Returns:
            The file, line and column of the value that won; None for a default that no file sets.
        """
        return None if self._parts is None else self._parts.stack.origin(path)

    def overridden(self, *path: str | int) -> tuple[tuple[object, Origin], ...]:
        """
        Return the values that an effective value replaced, as the files have them, with their places, the last first.

        Args:
            path: As for :meth:`origin`.
        """
        return () if self._parts is None else self._parts.stack.overridden(path)

    def line(self, place: Origin) -> str | None:
        """
        Return the line of one of its files, with stars for possible secrets.

        Args:
            place: The place.

        Returns:
            The line without blanks around it; None if the file is none of its own, or the line may hold a secret.
        """
        for file in self._files:
            if file.name == place.file:
                shown = file.lines.shown(place.line)
                return None if shown is None else shown.strip()
        return None

    def rate_path(self, provider: str, operation: str) -> tuple[str, ...] | None:
        """
        Return the path of an operation's rate, for :meth:`origin`: the entry with its name, or a glob.

        Args:
            provider: The provider of the operation.
            operation: The name of the operation.

        Returns:
            ``("rate", PROVIDER, "operations", KEY)``; None if no file gives the operation a rate of its own.
        """
        return None if self._parts is None else next(iter(rate_paths(self._parts.stack, provider, [operation])), None)

    @property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """The absolute names of its files with their texts, the policy itself last; a builtin one without its text."""
        return tuple(
            (each.name, "") if each.base is None else (os.path.abspath(each.name), each.text)  # noqa: PTH100  # no links
            for each in self._files
        )

    @property
    def base(self) -> str:
        """The absolute name of the directory that its ``extends`` starts from; the current one for a builtin policy."""
        return os.path.abspath((self._files[-1].base if self._files else None) or "")  # noqa: PTH100  # no links

    def warnings(self) -> tuple[Problem, ...]:
        """Return warnings: valid syntax that may surprise. This scans the files."""
        return tuple(problem for source in self._files for problem in source.warnings())

    def __repr__(self) -> str:
        """Return a short form, because a policy has hundreds of rules."""
        return f"Policy(name={self.name!r}, digest={self.digest!r}, env={self.env!r}, rules={len(self.rules)})"


def check(source: str | os.PathLike[str], *, env: str | None = None) -> tuple[Problem, ...]:
    """
    Return all errors and warnings of a policy, in the order of its files.

    Args:
        source: As for :meth:`Policy.load`.
        env: As for :meth:`Policy.load`. Of other environments only the own tables are checked.

    Returns:
        Errors, which keep the policy from being loaded, and warnings; empty for a flawless policy.
    """
    chain = chain_of(source)
    problems = [problem for each in chain.sources for problem in each.warnings()]
    try:
        assemble(chain, env, _ambient())
    except PolicyError as error:
        problems += error.problems
    return tuple(in_order(chain, problems))


def _ambient() -> str | None:
    """Return the environment that ``RESILIENCE_ENV`` names; None if the variable is unset or empty."""
    return os.environ.get("RESILIENCE_ENV") or None
