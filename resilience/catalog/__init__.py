"""
Facts about the services: their error codes, their operations and their rules for names.

The facts are data, in one TOML file for each provider. The file stands beside this one or in a package of a third party
(:mod:`resilience.catalog.plugins`). Every entry names its source. :mod:`resilience.catalog.reader` reads and checks the
files.
"""

from resilience.catalog.facts import Catalogue, CodeClass, CodeFacts, NameRule, OperationFacts
from resilience.catalog.reader import (
    catalogue,
    cloud_of,
    code_facts,
    operation_facts,
    provider_of_cloud,
    providers,
    providers_of,
)

__all__ = [
    "Catalogue",
    "CodeClass",
    "CodeFacts",
    "NameRule",
    "OperationFacts",
    "catalogue",
    "cloud_of",
    "code_facts",
    "operation_facts",
    "provider_of_cloud",
    "providers",
    "providers_of",
]
