"""A policy from its files: load, check all of it, and answer where each value comes from."""

from __future__ import annotations

import os
from typing import Self

from attrs import field, frozen

from resilience.core.fault import Origin
from resilience.core.policy import PolicyValues
from resilience.garbage import without_collections
from resilience.policyfile.assemble import Parts, assemble, in_order
from resilience.policyfile.digest import digest
from resilience.policyfile.files.chain import Chain
from resilience.policyfile.files.policy_file import PolicyFile
from resilience.policyfile.messages.problems import PolicyError, Problem


@frozen(kw_only=True, repr=False)
class Policy(PolicyValues):
    """
    A policy that was read from files, for one environment.

    Attributes:
        environments: The environments that its files define, in the order in which they are met.
        sources: The files in the order in which they are merged, named as the user named them.
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
            source: A path, or ``builtin:NAME`` for a policy that comes with the package.
            env: The environment. None for the one in ``RESILIENCE_ENV``, which is ignored
                where it is empty or the files define no environment.

        Raises:
            PolicyError: Something is wrong in a file, a file cannot be read, or there is no
                such environment. All problems of all files are in it.
        """
        with without_collections():
            return cls._of(_chain_of(source), env)

    @classmethod
    def loads(
        cls, text: str, *, env: str | None = None, name: str = "<string>", base: str | os.PathLike[str] | None = None
    ) -> Self:
        """
        Read a policy from a text and everything that it extends.

        Args:
            text: The TOML text.
            env: As for :meth:`load`.
            name: What messages call the text.
            base: The directory that its ``extends`` starts from; None for the current one.

        Raises:
            PolicyError: As for :meth:`load`.
        """
        with without_collections():
            chain = Chain()
            chain.add_text(text, name=name, base="" if base is None else base)
            return cls._of(chain, env)

    @classmethod
    def _of(cls, chain: Chain, env: str | None) -> Self:
        parts = assemble(chain, env, _ambient())
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
        Return where an effective value was set: ``policy.origin("limits", "deadline")``.

        Args:
            path: The keys to it, without ``env`` and its name, as in ``("rules", "alibaba", "InternalError")``.

        Returns:
            The file, line and column of the value that won; None for a default that no file sets.
        """
        return None if self._parts is None else self._parts.stack.origin(path)

    def overridden(self, *path: str | int) -> tuple[tuple[object, Origin], ...]:
        """
        Return what an effective value replaced: each value as its file writes it, and where, the last one first.

        Args:
            path: As for :meth:`origin`.
        """
        return () if self._parts is None else self._parts.stack.overridden(path)

    def warnings(self) -> tuple[Problem, ...]:
        """Return what is no error and will surprise all the same; scans the files."""
        return tuple(problem for source in self._files for problem in source.warnings())

    def __repr__(self) -> str:
        """Return a short form: a policy has hundreds of rules."""
        return f"Policy(name={self.name!r}, digest={self.digest!r}, env={self.env!r}, rules={len(self.rules)})"


def check(source: str | os.PathLike[str], *, env: str | None = None) -> tuple[Problem, ...]:
    """
    Return everything that is wrong with a policy, and what will surprise, in the order of its files.

    Args:
        source: As for :meth:`Policy.load`.
        env: As for :meth:`Policy.load`. The tables of other environments are checked by themselves.

    Returns:
        Errors, with which the policy cannot be loaded, and warnings; empty where there are none.
    """
    chain = _chain_of(source)
    problems = [problem for each in chain.sources for problem in each.warnings()]
    try:
        assemble(chain, env, _ambient())
    except PolicyError as error:
        problems += error.problems
    return tuple(in_order(chain, problems))


def _chain_of(source: str | os.PathLike[str]) -> Chain:
    chain = Chain()
    chain.add_root(os.fspath(source))
    return chain


def _ambient() -> str | None:
    """Return the environment that the process is in; one that is set and empty is none."""
    return os.environ.get("RESILIENCE_ENV") or None
