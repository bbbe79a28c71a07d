"""Audit in, report out: HTML, JSON, JUnit, SARIF and a terminal summary, in English or German. Pure text, no I/O.

The functions bear the names of their modules on purpose: `report.html(audit, catalogue, texts)`.
"""

from .html import html
from .json_report import audit_json
from .junit import junit
from .sarif import sarif
from .terminal import terminal
from .texts import Texts, Words

__all__ = ["Texts", "Words", "audit_json", "html", "junit", "sarif", "terminal"]
