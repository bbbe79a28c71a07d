"""What one audit answers, and which of the peers' runs answers it as well.

Kept by hand, after what the programs of whole_audit_peers.py print with the options used there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from whole_audit_peers import CHECKDMARC, CURL, DELV, DIG, LDNS, POSTTLS, S_CLIENT, SSLYZE

JUDGED = "says so"  # the program itself tells good from bad
SHOWN = "shows it"  # somebody has to compare what it prints with the guidelines
NONE = "nobody"


@dataclass(frozen=True)
class Question:
    """`cases` are the BSI's without TR-03108, or our own checks; `note` is what is missing, or who else could tell."""

    cases: str
    what: str
    how: str
    who: tuple[str, ...] = ()
    note: str = ""


QUESTIONS = (
    Question("D-01", "MX and addresses are secure, or securely absent", JUDGED, (DELV,)),
    Question("D-02", "TLSA records match what port 25 shows", JUDGED, (POSTTLS,)),
    Question("E-01-T, E-02-T", "what has to be accepted is", SHOWN, (SSLYZE,), "its curves lack Brainpool in TLS 1.2"),
    Question("E-03-T", "encrypt-then-MAC", NONE, note="testssl.sh shows it"),
    Question("E-04-T", "truncated HMAC", NONE),
    Question("E-05", "path, name and dates; not revoked", JUDGED, (SSLYZE, S_CLIENT), "CRL of the leaf only"),
    Question("E-07", "extended master secret", JUDGED, (SSLYZE,)),
    Question("E-08, E-11", "other suites and versions are refused", SHOWN, (SSLYZE,)),
    Question("E-09-T", "signature algorithms", NONE),
    Question("E-10", "other groups are refused", SHOWN, (SSLYZE,), "curves; no finite-field groups"),
    Question("E-12", "STARTTLS works", JUDGED, (SSLYZE, POSTTLS)),
    Question("E-13 to E-20", "Autodiscover and Autoconfig lead to implicit TLS", SHOWN, (CURL,)),
    Question("E-21 to E-23", "SRV records lead to implicit TLS", SHOWN, (DIG,)),
    Question("G-01", "one valid TLSRPT record, secure", JUDGED, (CHECKDMARC, DELV)),
    Question("G-02, G-03", "reports by mail, not by HTTPS", SHOWN, (CHECKDMARC,)),
    Question("I-01, I-02", "MTA-STS record and policy", JUDGED, (CHECKDMARC, DELV)),
    Question("I-03", "enforced, and every MX stands it", SHOWN, (CURL, S_CLIENT)),
    Question("client-services", "which services there are, implicit TLS first", SHOWN, (DIG,)),
    Question("client-services.tlsa", "TLSA of clients' services", JUDGED, (LDNS,), "not where STARTTLS is"),
    Question("login.no-clear-text", "no login without TLS (X-15)", NONE),
    Question("starttls.no-injection", "commands behind STARTTLS", NONE),
    Question("starttls.plaintext-refused", "mail without TLS", NONE),
    Question("webmail", "HTTPS only, HSTS", SHOWN, (CURL,)),
    Question("tls.*-preferred", "order of suites and groups", NONE, note="testssl.sh shows suites"),
    Question("tls.early-data, .compression", "early data, compression", JUDGED, (SSLYZE,)),
    Question("tls.*-renegotiation, .fallback-scsv", "renegotiation, downgrades", JUDGED, (SSLYZE,)),
    Question("tls.ocsp-stapling", "stapled answer", SHOWN, (SSLYZE,)),
    Question("tls.heartbeat, .session-tickets", "heartbeat, tickets", NONE, note="testssl.sh shows them"),
    Question("tls.ffdhe, .ephemeral-keys", "RFC 7919, keys used twice", NONE),
    Question("tls.server-name, .tolerance, .post-quantum", "unknown names and values, hybrids", NONE),
    Question("certificate.key-size, .signature, .validity", "limits of TR-03116-4", SHOWN, (SSLYZE,)),
    Question("certificate.*-usage, .basic-constraints", "extensions", NONE, note="openssl x509 -text shows them"),
    Question("certificate.revocation-checked", "of intermediates", NONE),
    Question("tlsa.ttl, .rollover", "TTL and kinds of TLSA records", SHOWN, (DELV,)),
    Question("dnssec.*, inbound-dane.all-servers", "algorithms, NSEC3, every name server", NONE),
    Question("every E case at 4190", "ManageSieve beyond its certificate", NONE),
    Question("-", "the years of TR-02102-2 and TR-03116-4", NONE),
)


def lines(present: set[str]) -> Iterator[str]:
    """A table, and its sum; a question whose programs are not all `present` is nobody's."""
    counts = dict.fromkeys((JUDGED, SHOWN, NONE), 0)
    yield "| cases | question | by the peers | |"
    yield "| --- | --- | --- | --- |"
    for each in QUESTIONS:
        missing = [name for name in each.who if name not in present]
        how = NONE if missing else each.how
        who = f"{', '.join(each.who)} {how}" if not missing and each.who else NONE
        note = f"{', '.join(missing)} not here" if missing else each.note
        counts[how] += 1
        yield f"| {each.cases} | {each.what} | {who} | {note} |"
    told = ", ".join(f"{how} {number}" for how, number in counts.items())
    yield f"\nOf {len(QUESTIONS)} questions that the audit answers with a verdict each, a peer: {told}."
