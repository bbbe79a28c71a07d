"""What a TLSRPT record with many URIs says, and whom senders make a report domain's policies felt (RFC 8460)."""

from __future__ import annotations

from tr03108.evaluate.tlsrpt import mailboxes, tlsrpt_record
from unit.evaluate.web_pages import lookup

NAME = "_smtp._tls.example.test"


def record(*uris: str) -> str:
    """A TXT record as a zone file has it, in strings of at most 255 octets."""
    text = f"v=TLSRPTv1; rua={','.join(uris)}"
    return " ".join(f'"{text[start : start + 255]}"' for start in range(0, len(text), 255))


def test_no_uri_is_hidden_behind_many_others() -> None:
    many = [f"mailto:r{number}@reports.test" for number in range(200)]
    found = tlsrpt_record(lookup(NAME, "TXT", record(*many, "HTTPS://reports.test/")))
    assert (len(found.uris), found.uris[-1], found.errors) == (201, "HTTPS://reports.test/", ())
    assert len(str(found.evidence())) < 20000
    late = lookup(NAME, "TXT", record(*(f"https://{number}.test/" for number in range(200)), "mailto:r@reports.test"))
    assert [mailbox.text for mailbox in mailboxes(late)] == ["r@reports.test"]
    assert len(mailboxes(lookup(NAME, "TXT", record(*many)))) == 50
