"""Code points of TLS hellos in sets, made from a policy, so that few hellos tell good from bad.

It stands here because it brings two rooms together that do not know each other: norms (what is good) and wire (what
there is). The prober gets bare numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tr03108.model import HelloSets
from tr03108.norms.tls_policy import TlsPolicy
from tr03108.norms.tls_rows import Rating, Shortfall
from tr03108.wire.tls.code_points import (
    ALL_SUITES,
    GROUPS_TLS12,
    GROUPS_TLS13,
    SCHEMES_TLS12,
    SCHEMES_TLS13,
    TLS13_SUITES,
    forward_secret,
)
from tr03108.wire.tls.names import suite_name
from tr03108.wire.tls.server_messages import TLS12

_OLD = ("SSLv3", "TLSv1", "TLSv1.1")  # forbidden whatever the suite, so that nothing is told apart
# The worst first. What the policy does not know stands with what it forbids, as in `TlsPolicy.tolerance`: whatever a
# server accepts of a set has to be judged alike.
_SETS: tuple[tuple[Shortfall | None, ...], ...] = (
    ("forbidden", "too-small", "unknown"),
    ("unlisted",),
    ("expired",),
    (None,),
)


def hello_sets(policy: TlsPolicy, year: int) -> HelloSets:
    """What to offer under a policy in a year."""
    schemes12 = tuple(dict.fromkeys(code for codes in SCHEMES_TLS12.values() for code in codes))
    return HelloSets(
        suites={
            **dict.fromkeys(_OLD, (ALL_SUITES,)),
            "TLSv1.2": _secret_last(
                _sets(ALL_SUITES, lambda code: policy.suite(code, "TLSv1.2", year, suite_name(code)))
            ),
            "TLSv1.3": _sets(TLS13_SUITES, lambda code: policy.suite(code, "TLSv1.3", year, suite_name(code))),
        },
        groups={
            "TLSv1.2": _sets(GROUPS_TLS12, lambda code: policy.group(code, "TLSv1.2", year)),
            "TLSv1.3": _sets(GROUPS_TLS13, lambda code: policy.group(code, "TLSv1.3", year)),
        },
        schemes={
            "TLSv1.2": _sets(schemes12, lambda code: policy.signature(code, "TLSv1.2", year)),
            "TLSv1.3": _sets(SCHEMES_TLS13, lambda code: policy.signature(code, "TLSv1.3", year)),
        },
        alone=_required(policy, "group", year),
        together=_required(policy, "suite", year),
        signed=_required(policy, "signature", year),
    )


def _sets(codes: Iterable[int], rate: Callable[[int], Rating]) -> tuple[tuple[int, ...], ...]:
    """The codes by how far they fall short, without empty sets: the last one is the best that there is."""
    rated = [(code, rate(code).shortfall) for code in codes]
    sets = (tuple(code for code, shortfall in rated if shortfall in each) for each in _SETS)
    return tuple(each for each in sets if each)


def _secret_last(sets: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
    """The best suites in two: what has no forward secrecy before what has it, for the latter is to be preferred."""
    *worse, best = sets
    secret = tuple(code for code in best if forward_secret(code, TLS12))
    other = tuple(code for code in best if code not in secret)
    return (*worse, other, secret) if other and secret else sets


def _required(policy: TlsPolicy, kind: str, year: int) -> dict[str, tuple[int, ...]]:
    """What a server with a certificate has to support, or should, by version."""
    found: dict[str, tuple[int, ...]] = {}
    for row in policy.minimums_in(year):
        if row.kind == kind and row.role != "client" and row.selection != "if-used":
            found[row.version] = tuple(dict.fromkeys((*found.get(row.version, ()), *row.codes)))
    return found
