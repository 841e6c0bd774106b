"""
A policy as the texts of its files, for a process on another machine.

What variables and paths name is read there, from that machine's environment, so no secret travels. Policies of the
package are named and not sent; the digest tells whether both machines have the same ones.
"""

from __future__ import annotations

from typing import Final

from attrs import evolve, field, fields, frozen

from resilience.core.policy import PolicyValues, TelemetrySettings
from resilience.policyfile.policy import Policy

_VALUES: Final = tuple(each.name for each in fields(PolicyValues))


class PackedPolicyError(ValueError):
    """A policy cannot be sent, or is another one where it was sent to; the message says what to do."""


@frozen
class PackedPolicy:
    """
    The texts of a policy. Its ``repr`` shows none of them.

    Attributes:
        texts: The names of the files, as absolute paths, with their texts; the policy itself is the last one.
        base: The folder of the policy itself, as an absolute path.
        env: The environment; None for none.
        digest: Of the policy.
        telemetry: The telemetry, where the program has set another one; None for that of the texts.
    """

    texts: tuple[tuple[str, str], ...] = field(repr=False)
    base: str
    env: str | None
    digest: str
    telemetry: TelemetrySettings | None = None

    def unpacked(self) -> Policy:
        """
        Return the policy.

        Raises:
            PackedPolicyError: The policies of this machine's package are others.
            PolicyError: The policy cannot be used here: a variable is not set.
        """
        policy = Policy.of_texts(self.texts, base=self.base, env=self.env)
        if policy.digest != self.digest:
            raise PackedPolicyError(
                f"the policy {policy.name!r} has the digest {self.digest} where the fleet was started, and "
                f"{policy.digest} here; install the same version of mqtt-resilience on all machines"
            )
        return policy if self.telemetry is None else evolve(policy, telemetry=self.telemetry)


def packed(policy: PolicyValues) -> PackedPolicy:
    """
    Return the texts of a policy.

    Raises:
        PackedPolicyError: The policy has no texts, or it is another one than its texts say.
    """
    if not isinstance(policy, Policy) or not policy.texts:
        raise PackedPolicyError(
            "the policy was made in Python, and other machines read its text; give its file, or what Policy.load "
            "returns"
        )
    found = PackedPolicy(policy.texts, policy.base, policy.env, policy.digest)
    read = found.unpacked()
    if read.telemetry != policy.telemetry:
        found = evolve(found, telemetry=policy.telemetry)
        read = evolve(read, telemetry=policy.telemetry)
    if any(getattr(read, name) != getattr(policy, name) for name in _VALUES):
        raise PackedPolicyError(
            "the policy was changed in Python after it was read, and other machines read its text; change the file"
        )
    return found
