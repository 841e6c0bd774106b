"""
The request fields of AWS IoT Core that name resources, of ``iot`` and of ``iot-data``.

The name of a thing in a topic, in an ARN or in a template is not found: a script takes ARNs from the answers.
Source: botocore 1.43.117, the models of both services, read 2026-11-28.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from resilience.clients.common.renaming import NameReference, NameReferences, each, whole

# The fields that have the same name in the request that creates and in those that use.
_NAMES: Final = (
    "actionName",
    "authorizerName",
    "billingGroupName",
    "commandId",
    "domainConfigurationName",
    "jobId",
    "jobTemplateId",
    "metricName",
    "packageName",
    "policyName",
    "roleAlias",
    "ruleName",
    "scheduledAuditName",
    "securityProfileName",
    "streamId",
    "templateName",
    "thingGroupName",
    "thingName",
    "thingTypeName",
)

_GROUP: Final = "thingGroupName"

NAME_REFERENCES: Final[NameReferences] = {
    **{name: (NameReference(name, whole),) for name in _NAMES},
    "parentGroupName": (NameReference(_GROUP, whole),),
    "thingGroupsToAdd": (NameReference(_GROUP, partial(each, whole)),),
    "thingGroupsToRemove": (NameReference(_GROUP, partial(each, whole)),),
}
"""The kinds of resources that each request field may name."""
