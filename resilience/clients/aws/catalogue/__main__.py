"""Compares the catalogue of AWS IoT Core with the installed botocore, or writes it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from resilience import catalog
from resilience.clients.aws.catalogue.corrections import corrections
from resilience.clients.aws.catalogue.generated import generated
from resilience.clients.aws.catalogue.models import installed_version, service_model

FILE: Final = Path(catalog.__file__).with_name("aws-iot.toml")


def main() -> int:
    """Compare the catalogue of AWS IoT Core with the installed botocore, or write it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--write", action="store_true", help="write the catalogue; without it, only compare")
    options = parser.parse_args()
    found = corrections()
    models = [service_model(each) for each in found.catalogue["services"]]
    fresh = generated(found, models, installed_version())
    if options.write:
        FILE.write_text(fresh, encoding="utf-8")
        return 0
    if not FILE.exists() or FILE.read_text(encoding="utf-8") != fresh:
        sys.stderr.write(f"{FILE}: the models or the corrections say something else; run with --write\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
