"""The lab's flawless domain under the profile of TR-03116-TS."""

from __future__ import annotations

from tr03108.catalogue import load_catalogue
from tr03108.judge import judge_target, load_checks
from tr03108.profile import load_profile

from .conftest import Seen


def test_flawless_has_no_failure(seen: Seen) -> None:
    catalogue, dossier = load_catalogue(), seen.dossiers["flawless"]
    profile = load_profile("tr-03116-ts", catalogue)
    audit = judge_target(dossier, "", profile, catalogue, load_checks(), dossier.started, "must", ())
    bad = [(f.check, f.code) for f in audit.findings if f.verdict in ("fail", "warn")]
    assert bad == []
    assert {f.check for f in audit.findings if f.verdict == "pass"} >= {
        *("b1.versions-and-suites", "b1.other-suites", "b1.other-curves", "b1.other-versions", "b1.weak-signatures"),
        *("b1.truncated-hmac", "b1.certificate", "b1.extended-master-secret"),
    }
