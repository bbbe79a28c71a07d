"""The lists of what servers accept: read from the evidence, equal addresses once, other shapes left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tr03108.model import Finding, Outcome
from tr03108.report.accepted import entries, service_lists
from unit.report.tls_samples import MODERN, OLD, listing, old_lists, row, tls_findings


def test_addresses_with_the_same_lists_are_one() -> None:
    found = service_lists(tls_findings())
    assert [lists.subjects for lists in found] == [OLD, (MODERN,)]


@pytest.mark.parametrize(
    "other",
    [
        listing("tls.groups", "TR-03108-E-10", [row("TLSv1.3", "secp384r1")], OLD[1]),
        listing("tls.groups", "TR-03108-E-10", [row("TLSv1.3", "secp256r1")], OLD[1], Outcome.UNSEEN),
        listing("tls.groups", "TR-03108-E-10", [row("TLSv1.3", "secp256r1", until="2026")], OLD[1]),
    ],
    ids=["name", "verdict", "until"],
)
def test_addresses_that_differ_in_anything_are_not(other: Finding) -> None:
    first = listing("tls.groups", "TR-03108-E-10", [row("TLSv1.3", "secp256r1")], OLD[0])
    assert len(service_lists([first, other])) == 2


def test_parts_come_in_the_order_of_the_report_and_lists_by_version() -> None:
    (lists,) = service_lists(reversed(list(old_lists(MODERN))))
    assert [part.kind for part in lists.parts] == ["version", "suite", "group", "signature"]
    heads = [[(block.kind, block.version) for block in part.blocks] for part in lists.parts]
    assert heads == [
        [("version", "")],
        [("suite", "TLSv1.2"), ("suite", "TLSv1.3")],
        [("group", "TLSv1.2"), ("dh", "TLSv1.2"), ("group", "TLSv1.3")],
        [("signature", "TLSv1.2")],
    ]


def test_entries_keep_the_order_of_the_evidence() -> None:
    suites = ["TLS_B", "TLS_A", "TLS_C"]
    (lists,) = service_lists([listing("tls.suites", "TR-03108-E-08", [row("TLSv1.2", name) for name in suites])])
    assert [entry.name for entry in lists.parts[0].blocks[0].entries] == suites


def test_who_decides_the_order_is_told_by_version() -> None:
    (lists,) = service_lists(old_lists(MODERN))
    assert [block.order for block in lists.parts[1].blocks] == ["server", "client"]
    assert {block.order for part in lists.parts if part.kind != "suite" for block in part.blocks} == {""}


def test_the_tally_names_the_gravest_first() -> None:
    (lists,) = service_lists(old_lists(MODERN))
    assert lists.parts[1].blocks[0].tally == (
        ("forbidden", "MARGINAL", 5),
        ("unlisted", "MARGINAL", 2),
        ("listed", "MET", 13),
    )


def test_what_is_unknown_or_left_out_is_counted() -> None:
    finding = listing("tls.groups", "TR-03108-E-10", [row("TLSv1.3", "secp256r1")], unknown=3, left_out=7)
    (lists,) = service_lists([finding])
    assert (lists.parts[0].unknown, lists.parts[0].left_out) == (3, 7)


def test_an_address_without_any_list_is_not_there_but_a_part_without_list_is() -> None:
    empty = listing("tls.groups", "TR-03108-E-10", [], outcome=Outcome.UNSEEN)
    assert service_lists([empty]) == ()
    (lists,) = service_lists([empty, listing("tls.versions", "TR-03108-E-11", [row("TLSv1.3", "TLSv1.3")])])
    assert [(part.verdict, part.blocks) for part in lists.parts if part.kind == "group"] == [("inconclusive", ())]


@pytest.mark.parametrize(
    "accepted",
    [None, "TLSv1.3", True, {"name": "x"}, ["TLSv1.3"], [{"name": 1, "status": "listed"}], [row("TLSv1.3", "x"), 7]],
    ids=str,
)
def test_evidence_of_another_shape_is_no_list(accepted: Any) -> None:
    finding = replace(listing("tls.groups", "TR-03108-E-10", []), evidence={"accepted": accepted})
    assert entries(finding) == () and service_lists([finding]) == ()


def test_only_the_four_checks_have_lists() -> None:
    assert entries(listing("tls.negotiated", "TR-03108-E-08", [row("TLSv1.3", "x")])) == ()
