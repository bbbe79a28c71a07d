"""Service addresses in few words: nothing lost, nothing that is not there."""

from __future__ import annotations

from tr03108.model import Subject
from tr03108.report import Texts
from tr03108.report.whereabouts import Whereabouts, in_words, whereabouts

EN, DE = Texts.load("en"), Texts.load("de")
V4, V6 = "192.0.2.1", "2001:db8::1"


def at(name: str, address: str | None, port: int | None) -> Subject:
    return Subject("service", name, address, port)


def test_addresses_with_the_same_ports_are_together() -> None:
    subjects = [at("mail", address, port) for port in (993, 465) for address in (V4, V6)]
    assert whereabouts(subjects) == (Whereabouts("mail", (V4, V6), (465, 993)),)
    assert in_words(subjects, EN) == ("mail (192.0.2.1, [2001:db8::1]), ports 465, 993",)
    assert in_words(subjects, DE) == ("mail (192.0.2.1, [2001:db8::1]), Ports 465, 993",)


def test_addresses_with_other_ports_are_apart() -> None:
    subjects = [at("mail", V4, 993), at("mail", V4, 995), at("mail", V6, 993)]
    assert in_words(subjects, EN) == ("mail (192.0.2.1), ports 993, 995", "mail/[2001:db8::1]:993")


def test_hosts_are_apart_and_the_host_itself_is_not_one_of_its_addresses() -> None:
    subjects = [at("mx1", V4, 25), at("mx2", V4, 25), at("mx2", None, 25)]
    assert in_words(subjects, EN) == ("mx1/192.0.2.1:25", "mx2/192.0.2.1:25", "mx2:25")


def test_a_single_subject_is_as_in_its_finding() -> None:
    for subject in (Subject("domain", "example.org"), at("mx1", V6, 25), at("example.org", None, 993)):
        assert in_words([subject, subject], EN) == (subject.text,)


def test_kinds_at_one_port_are_one_place() -> None:
    assert in_words([Subject("service", "m", V4, 993, kind) for kind in ("imap", "imaps")], EN) == (f"m/{V4}:993",)


def test_many_addresses_are_counted() -> None:
    subjects = [at("mail", f"192.0.2.{n}", 25) for n in range(1, 8)]
    assert in_words(subjects, EN) == ("mail (192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4 and 3 more), port 25",)


def test_names_from_outside_are_harmless() -> None:
    (text,) = in_words([at("a\x1b[31m\u202e\n", address, 25) for address in (V4, "\x9b")], EN)
    assert text.isprintable() and "\\x1b[31m" in text and "\\u202e" in text
    assert all(len(text) < 1000 for text in in_words([at("x" * 9000, V4, port) for port in (25, 26)], EN))
