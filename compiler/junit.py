"""The report of a compilation as JUnit XML, which CI servers show: a test suite a bundle, a test case a check.

Source: the schema of Jenkins' xUnit plugin, ``junit-10.xsd``, which GitLab and GitHub's reporters read.
"""

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from compiler.checks import Check
from compiler.compile_report import CompileReport

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""XML 1.0 (fifth edition), section 2.2, cannot say these characters, not even escaped."""


def junit_xml(report: CompileReport) -> bytes:
    """Return the report as JUnit XML."""
    release = f"{report.model} {report.version}"
    suites = [_suite(release, report.checks)] if report.checks else []
    suites += [_suite(f"{release} {variant.name}", variant.checks) for variant in report.variants]
    root = ET.Element("testsuites", {"name": "leeway-compiler compile", "time": f"{report.seconds:.6f}"})
    root.extend(suites)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _suite(name: str, checks: Sequence[Check]) -> ET.Element:
    counts = {
        "tests": len(checks),
        "failures": sum(check.status == "failed" for check in checks),
        "errors": 0,
        "skipped": sum(check.status == "skipped" for check in checks),
    }
    seconds = f"{sum(check.seconds for check in checks):.6f}"
    attributes = {"name": _text(name), "time": seconds, **{key: str(count) for key, count in counts.items()}}
    suite = ET.Element("testsuite", attributes)
    suite.extend(_case(name, check) for check in checks)
    return suite


def _case(suite: str, check: Check) -> ET.Element:
    case = ET.Element("testcase", {"classname": _text(suite), "name": check.name, "time": f"{check.seconds:.6f}"})
    first_line = _text(check.message.partition("\n")[0])
    if check.status == "failed":
        failure = ET.SubElement(case, "failure", {"message": first_line, "type": check.name})
        failure.text = _text(check.message)
    elif check.status == "skipped":
        ET.SubElement(case, "skipped", {"message": first_line})
    if check.figures:
        lines = [f"{name}: {'not measured' if figure is None else figure}" for name, figure in check.figures.items()]
        ET.SubElement(case, "system-out").text = _text("\n".join(lines))
    return case


def _text(text: str) -> str:
    return _NOT_IN_XML.sub("?", text)
