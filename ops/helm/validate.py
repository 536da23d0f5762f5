"""Holds rendered documents against Kubernetes' own schemas; kinds that Kubernetes itself does not have are counted."""

import sys

import kubernetes_validate
import yaml

OURS = ("keda.sh/", "monitoring.coreos.com/")
VERSION = "1.34"

with open(sys.argv[1]) as file:
    documents = [one for one in yaml.safe_load_all(file) if one]
checked = skipped = 0
for one in documents:
    name = f"{one['kind']} {one['metadata']['name']}"
    if one["apiVersion"].startswith(OURS):
        skipped += 1
        continue
    try:
        kubernetes_validate.validate(one, VERSION, strict=True)
    except kubernetes_validate.ValidationError as error:
        sys.exit(f"{name}: {'.'.join(map(str, error.path))}: {error.message}")
    checked += 1
if not checked:
    sys.exit("nothing was rendered")
print(f"{checked} documents are what Kubernetes {VERSION} takes; {skipped} are of others")
