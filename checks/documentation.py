"""What the provider has to write for its users. Source: TR-03108 v2.0 section 4.1.1 (01-M.e)."""

from __future__ import annotations

from tr03108 import MailDomain, Result, Rules, asked, check


@check(id="documentation.implicit-tls", each="domain")
def check_documentation(domain: MailDomain, rules: Rules) -> Result:
    """The documentation for users leads them to implicit TLS, which a person has to read."""
    return asked("MANUAL_DOCUMENTATION")
