"""Writes what an image is made of: sbom.json (CycloneDX 1.6) and licences.txt, from the metadata of what is installed.

Run at build by the environment that it describes: python deploy/bill_of_materials.py FOLDER
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

DPKG = Path("/var/lib/dpkg/status")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LICENCE_FILE = re.compile(r"(^|/)(licen[cs]e|copying|notice)[^/]*$", re.I)


def normal(name: str) -> str:
    """The name as registries compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licences_of(found: Distribution) -> list[str]:
    """SPDX expression where the package gives one, else its classifiers, else its free text's first line."""
    if expression := found.metadata.get("License-Expression"):
        return [expression]
    classifiers = [c.split(" :: ")[-1] for c in found.metadata.get_all("Classifier", []) if c.startswith("License ::")]
    if named := [c for c in classifiers if c != "OSI Approved"]:
        return named
    text = (found.metadata.get("License") or "").strip()
    return [text.splitlines()[0][:100]] if text else []


def python_components() -> Iterator[tuple[Distribution, dict[str, Any]]]:
    """The Python packages by name, each with its component. Ours bear no licence: they are what is delivered."""
    for found in sorted(distributions(), key=lambda each: normal(each.name)):
        name = normal(found.name)
        purl = f"pkg:pypi/{name}@{found.version}"
        component: dict[str, Any] = {
            "type": "library", "bom-ref": purl, "name": name, "version": found.version, "purl": purl,
        }  # fmt: skip
        expression = found.metadata.get("License-Expression")
        if expression:
            component["licenses"] = [{"expression": expression}]
        elif named := licences_of(found):
            component["licenses"] = [{"license": {"name": each}} for each in named]
        yield found, component


def debian_components(status: Path = DPKG) -> Iterator[dict[str, Any]]:
    """The installed packages of the base image; their licences lie in /usr/share/doc/<package>/copyright."""
    if not status.exists():
        return
    for paragraph in status.read_text().split("\n\n"):
        fields = dict(re.findall(r"^(Package|Version|Architecture|Status): (.*)$", paragraph, re.M))
        if fields.get("Status", "").endswith(" installed"):
            purl = f"pkg:deb/debian/{fields['Package']}@{fields['Version']}?arch={fields['Architecture']}"
            yield {
                "type": "library", "bom-ref": purl, "name": fields["Package"], "version": fields["Version"],
                "purl": purl,
            }  # fmt: skip


def bill() -> dict[str, Any]:
    """The CycloneDX document; without serial number and time, so that the same image gives the same bill."""
    python = list(python_components())
    refs = {component["name"]: component["bom-ref"] for _, component in python}
    dependencies = []
    for found, component in python:
        needed = {normal(m.group()) for each in found.requires or () if "extra ==" not in each
                  and (m := _NAME.match(each))}  # fmt: skip
        on = sorted(refs[name] for name in needed & refs.keys())
        dependencies.append({"ref": component["bom-ref"], "dependsOn": on})
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "container", "bom-ref": "regulars", "name": "regulars"}},
        "components": [
            {
                "type": "platform", "bom-ref": "cpython", "name": "cpython", "version": sys.version.split()[0],
                "purl": f"pkg:generic/python@{sys.version.split()[0]}", "licenses": [{"license": {"id": "PSF-2.0"}}],
            },
            *(component for _, component in python),
            *debian_components(),
        ],
        "dependencies": dependencies,
    }  # fmt: skip


def licences() -> str:
    """A line a package, and the texts that it came with below."""
    lines, texts = [], []
    for found, component in python_components():
        lines.append(f"{component['name']} {found.version}: {'; '.join(licences_of(found)) or 'see its text'}")
        for file in found.files or ():
            if ".dist-info/" in str(file) and _LICENCE_FILE.search(str(file)):
                path = Path(str(file.locate()))
                if path.is_file():
                    texts.append(
                        f"==== {component['name']} {found.version}: {path.name}\n\n{path.read_text('utf-8', 'replace')}"
                    )
    return "\n".join([*lines, "", *texts])


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sbom.json").write_text(json.dumps(bill(), indent=1) + "\n")
    (folder / "licences.txt").write_text(licences(), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
