"""Facts about the operations and codes of a policy, from the policy and from the catalogue."""

from __future__ import annotations

from attrs import define

from resilience.catalog import CodeClass, CodeFacts, OperationFacts, code_facts, operation_facts
from resilience.core.fault import Effect, Repeat
from resilience.core.operations.apis import RequestTemplate
from resilience.core.operations.declared import Declaration
from resilience.core.operations.subject import Subject, probable_key, probable_reads
from resilience.core.policy import PolicyValues, Rule
from resilience.policyfile.lint.places import OperationKey, fault_of, transport_class


@define(eq=False, slots=False)
class PolicyFacts:
    """
    The facts that lint rules need about operations and codes.

    Attributes:
        policy: The values of the policy.
    """

    policy: PolicyValues

    def operation_facts(self, operation: OperationKey) -> OperationFacts | None:
        """Return the catalogue's facts about an operation, or None."""
        return operation_facts(*operation)

    def repeat(self, operation: OperationKey) -> Repeat:
        """Return the repeat of an operation: the policy's, else the catalogue's, else ``duplicate``."""
        facts = self.operation_facts(operation)
        declared = self.declared(operation)
        return (declared and declared.repeat) or (facts.repeat if facts else "duplicate")

    def declared(self, operation: OperationKey) -> Declaration | None:
        """Return the policy's declaration of an operation, or None."""
        provider, name = operation
        return self.policy.operations.get(provider, {}).get(name)

    def key(self, operation: OperationKey) -> tuple[str, ...]:
        """Return the fields that name an operation's resource: the policy's, else the catalogue's."""
        declared, facts = self.declared(operation), self.operation_facts(operation)
        if declared is not None and declared.key is not None:
            return declared.key
        return () if facts is None else facts.key

    def rename(self, operation: OperationKey) -> str | None:
        """Return the field that a rename changes, or None."""
        declared, facts = self.declared(operation), self.operation_facts(operation)
        return (declared and declared.rename) or (None if facts is None else facts.rename)

    def settle(self, operation: OperationKey) -> float | None:
        """Return an operation's own time to settle, in seconds: the policy's, else the catalogue's, or None."""
        declared, facts = self.declared(operation), self.operation_facts(operation)
        if declared is not None and declared.settle is not None:
            return declared.settle
        return None if facts is None else facts.settle

    def subject(self, operation: OperationKey) -> Subject:
        """Return an operation as the subject of an advice."""
        provider, name = operation
        template = self.template(operation)
        return Subject(
            provider=provider,
            operation=name,
            repeat=self.repeat(operation),
            declaration=self.declared(operation),
            is_catalogued=self.operation_facts(operation) is not None,
            fields=self.key(operation) or probable_key(template),
            reads=probable_reads(template, self.policy.apis.get(provider)),
        )

    def may_look(self, operation: OperationKey) -> bool:
        """
        Tell whether a verifier may find out that an operation has happened.

        A program may have verifiers for its own functions, but not for requests of an API.
        """
        declared, facts = self.declared(operation), self.operation_facts(operation)
        if facts is not None:
            return facts.read_back is not None or (declared is not None and declared.read_back is not None)
        if declared is None or declared.is_assumed:
            return False
        return declared.read_back is not None or operation[0] not in self.policy.apis

    def template(self, operation: OperationKey) -> RequestTemplate | None:
        """Return the template of an operation's requests, or None."""
        provider, name = operation
        api = self.policy.apis.get(provider)
        return next((each for each in api.operations if each.operation == name), None) if api else None

    def facts(self, rule: Rule) -> CodeFacts | None:
        """Return the catalogue's facts about a rule's code, or about the code above a sub-code."""
        return code_facts(rule.scope, rule.code)

    def class_of(self, rule: Rule) -> CodeClass | None:
        """Return the class of a rule's code; None if it is unknown, or if the rule asks for a message."""
        if rule.message is not None:
            return None
        if rule.scope.startswith("transport"):
            return transport_class(rule.code)
        facts = self.facts(rule)
        return None if facts is None else facts.class_

    def known_effect(self, rule: Rule) -> Effect | None:
        """Return the effect of a rule's faults by the catalogue; None if it depends on the status."""
        if not rule.scope.startswith("transport"):
            facts = self.facts(rule)
            return None if facts is None else facts.effect
        return fault_of(rule, "").effect_or_default()
