"""
What AWS IoT Core can be asked about a resource that a call may have made, by the name in the request.

The service refuses a second resource of a name. So what is there has the name of the call, and is compared with what
the call asked for: with another content it is not from this call. Sources: botocore 1.43.117, the model of ``iot``;
read 2026-11-28.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen


@frozen(kw_only=True)
class ReadBack:
    """
    How a resource is found, and compared.

    Attributes:
        query: The operation that returns the resource.
        name: The field with its name, in both requests.
        answer: The fields of the creating call's answer, each with the place where the query's answer has it.
        same: Fields of the creating request that have to be the same, each with its place in the query's answer.
        is_exact: Whether a field that the request leaves out has to be missing in the resource, too: the service takes
            the same request twice. For others the service may have filled in a default.
    """

    query: str
    name: str
    answer: Mapping[str, str]
    same: Mapping[str, str] = field(factory=dict)
    is_exact: bool = False


def _of(query: str, name: str, *answered: str, inside: str = "", **same: str) -> ReadBack:
    """Return a read-back by the fields' own names, which are in a field of the answer if ``inside`` names one."""
    answer = {each: f"{inside}{each}" for each in answered}
    return ReadBack(query=query, name=name, answer=answer, same=same)


READ_BACKS: Final[Mapping[str, ReadBack]] = {
    "CreateThing": ReadBack(
        query="DescribeThing",
        name="thingName",
        answer={"thingName": "thingName", "thingArn": "thingArn", "thingId": "thingId"},
        same={
            "thingTypeName": "thingTypeName",
            "attributePayload.attributes": "attributes",
            "billingGroupName": "billingGroupName",
        },
        is_exact=True,
    ),
    "CreateThingType": ReadBack(
        query="DescribeThingType",
        name="thingTypeName",
        answer={"thingTypeName": "thingTypeName", "thingTypeArn": "thingTypeArn", "thingTypeId": "thingTypeId"},
        same={
            "thingTypeProperties.thingTypeDescription": "thingTypeProperties.thingTypeDescription",
            "thingTypeProperties.searchableAttributes": "thingTypeProperties.searchableAttributes",
        },
        is_exact=True,
    ),
    "CreateThingGroup": ReadBack(
        query="DescribeThingGroup",
        name="thingGroupName",
        answer={"thingGroupName": "thingGroupName", "thingGroupArn": "thingGroupArn", "thingGroupId": "thingGroupId"},
        same={
            "parentGroupName": "thingGroupMetadata.parentGroupName",
            "thingGroupProperties.thingGroupDescription": "thingGroupProperties.thingGroupDescription",
            "thingGroupProperties.attributePayload.attributes": "thingGroupProperties.attributePayload.attributes",
        },
    ),
    "CreateDynamicThingGroup": _of(
        "DescribeThingGroup",
        "thingGroupName",
        *("thingGroupName", "thingGroupArn", "thingGroupId", "indexName", "queryString", "queryVersion"),
        queryString="queryString",
    ),
    "CreateBillingGroup": _of(
        "DescribeBillingGroup", "billingGroupName", "billingGroupName", "billingGroupArn", "billingGroupId"
    ),
    "CreatePolicy": ReadBack(
        query="GetPolicy",
        name="policyName",
        answer={
            "policyName": "policyName",
            "policyArn": "policyArn",
            "policyDocument": "policyDocument",
            "policyVersionId": "defaultVersionId",
        },
        same={"policyDocument": "policyDocument"},
    ),
    "CreateRoleAlias": ReadBack(
        query="DescribeRoleAlias",
        name="roleAlias",
        answer={
            "roleAlias": "roleAliasDescription.roleAlias",
            "roleAliasArn": "roleAliasDescription.roleAliasArn",
        },
        same={"roleArn": "roleAliasDescription.roleArn"},
    ),
    "CreateAuthorizer": _of(
        "DescribeAuthorizer",
        "authorizerName",
        *("authorizerName", "authorizerArn"),
        inside="authorizerDescription.",
        authorizerFunctionArn="authorizerDescription.authorizerFunctionArn",
    ),
    "CreateDomainConfiguration": _of(
        "DescribeDomainConfiguration",
        "domainConfigurationName",
        *("domainConfigurationName", "domainConfigurationArn"),
        domainName="domainName",
    ),
    "CreateProvisioningTemplate": _of(
        "DescribeProvisioningTemplate",
        "templateName",
        *("templateArn", "templateName", "defaultVersionId"),
        templateBody="templateBody",
        provisioningRoleArn="provisioningRoleArn",
    ),
    "CreateStream": _of(
        "DescribeStream",
        "streamId",
        *("streamId", "streamArn", "description", "streamVersion"),
        inside="streamInfo.",
        roleArn="streamInfo.roleArn",
    ),
    "CreateJob": _of("DescribeJob", "jobId", *("jobArn", "jobId", "description"), inside="job.", targets="job.targets"),
    "CreateJobTemplate": _of("DescribeJobTemplate", "jobTemplateId", *("jobTemplateArn", "jobTemplateId")),
    "CreateOTAUpdate": _of(
        "GetOTAUpdate",
        "otaUpdateId",
        *("otaUpdateId", "otaUpdateArn", "awsIotJobId", "awsIotJobArn", "otaUpdateStatus"),
        inside="otaUpdateInfo.",
        targets="otaUpdateInfo.targets",
    ),
    "CreateSecurityProfile": _of(
        "DescribeSecurityProfile", "securityProfileName", *("securityProfileName", "securityProfileArn")
    ),
    "CreateMitigationAction": _of(
        "DescribeMitigationAction", "actionName", *("actionArn", "actionId"), roleArn="roleArn"
    ),
    "CreateScheduledAudit": _of("DescribeScheduledAudit", "scheduledAuditName", "scheduledAuditArn"),
    "CreateCertificateProvider": _of(
        "DescribeCertificateProvider",
        "certificateProviderName",
        *("certificateProviderName", "certificateProviderArn"),
        lambdaFunctionArn="lambdaFunctionArn",
    ),
    "CreateCustomMetric": _of(
        "DescribeCustomMetric", "metricName", *("metricName", "metricArn"), metricType="metricType"
    ),
    "CreateDimension": _of("DescribeDimension", "name", *("name", "arn"), type="type", stringValues="stringValues"),
    "CreateFleetMetric": _of(
        "DescribeFleetMetric", "metricName", *("metricName", "metricArn"), queryString="queryString"
    ),
    "CreatePackage": _of("GetPackage", "packageName", *("packageName", "packageArn", "description")),
    "CreateCommand": _of("GetCommand", "commandId", *("commandId", "commandArn")),
}
"""The resources that an operation of their own describes, by the operation that creates them."""


def at(fields: Mapping[str, Any], place: str) -> Any:
    """Return a field by its path; None if it is missing."""
    value: Any = fields
    for part in place.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def is_same(asked: Any, found: Any) -> bool:
    """
    Tell whether a resource has the content that a call asked for.

    Nothing is the same as an empty value. The order of a list of names does not count, and neither does the layout of
    JSON.
    """
    asked, found = _plain(asked), _plain(found)
    if isinstance(asked, list) and isinstance(found, list):
        return sorted(map(repr, asked)) == sorted(map(repr, found))
    return bool(asked == found)


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.lstrip().startswith(("{", "[")) else value
        except ValueError:
            return value
    return value or None
