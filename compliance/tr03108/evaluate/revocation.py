"""Whether certificates are revoked, from staples and from what their OCSP responders and CRLs answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ..model import Fetch, Observation
from .certificate_path import ROOT, ServedPath
from .pkix import load
from .revocation_answer import Answer, judge_crl, judge_ocsp, unseen
from .revocation_sources import Question, crl_urls, ocsp_urls, questions

HTTP_OK = 200
_ENDED = {"refused": "PORT_REFUSED", "silent": "TIMEOUT"}  # else ABORTED


@dataclass(frozen=True, slots=True)
class Staple:
    """An OCSP response that a server sent along in a handshake, and when."""

    data: bytes
    time: datetime


@dataclass(frozen=True, slots=True)
class Revocation:
    """What is known of one certificate.

    `state`: "good", "revoked", "unseen", or "no-address" where the certificate says nowhere to ask. `how` is "staple",
    "ocsp" or "crl", `url` what was asked, `time` when the answer was seen.
    """

    subject: str
    state: str
    code: str
    detail: str = ""
    how: str = ""
    url: str = ""
    time: datetime | None = None
    since: datetime | None = None
    reason: str | None = None

    def evidence(self) -> Mapping[str, object]:
        names = ("subject", "state", "code", "detail", "how", "url", "time", "since", "reason")
        return {name: value for name in names if (value := getattr(self, name)) not in (None, "")}


class Revocations:
    """The revocation answers of one dossier, each judged once."""

    def __init__(self, observations: Mapping[str, Observation[Any]]) -> None:
        self._fetched = {key: seen for key, seen in observations.items() if key.startswith("fetch/")}
        self._known: dict[tuple[bytes, bytes | None, tuple[Staple, ...]], Revocation] = {}

    def of_path(self, path: ServedPath, staples: Sequence[Staple] = ()) -> tuple[Revocation, ...]:
        """Of every certificate but the root; staples are about the first."""
        return tuple(
            self.of(certificate, path.issuer(position), staples if position == 0 else ())
            for position, certificate in enumerate(path.certificates)
            if path.role(position) != ROOT
        )

    def of(self, certificate: bytes, issuer: bytes | None, staples: Sequence[Staple] = ()) -> Revocation:
        """Of one certificate. Who says "revoked" wins, else who says "good", else the first reason why nobody knows."""
        question = (certificate, issuer, tuple(staples))
        if question not in self._known:
            self._known[question] = self._conclude(certificate, issuer, staples)
        return self._known[question]

    def stapled(self, path: ServedPath, staple: Staple) -> Revocation:
        """What one staple says of the first certificate, whoever else might be asked."""
        certificate, issuer = path.certificates[0], path.issuer(0)
        loaded = load(certificate)
        subject = loaded.subject.rfc4514_string()[:300] if loaded is not None else ""
        if issuer is None:
            return Revocation(subject, "unseen", "ISSUER_UNSEEN", how="staple", time=staple.time)
        answer = judge_ocsp(staple.data, certificate, issuer, staple.time)
        return _told(subject, answer, "staple", "", staple.time)

    def _conclude(self, certificate: bytes, issuer: bytes | None, staples: Sequence[Staple]) -> Revocation:
        mine, above = load(certificate), load(issuer) if issuer is not None else None
        subject = mine.subject.rfc4514_string()[:300] if mine is not None else ""
        if mine is None:
            return Revocation(subject, "unseen", "CERTIFICATE_INVALID")
        named = bool(ocsp_urls(mine) or crl_urls(mine))
        nobody = Revocation(subject, "unseen" if named else "no-address", "NOT_PROBED" if named else "")
        if above is None or issuer is None:
            return replace(nobody, code="ISSUER_UNSEEN") if named else nobody
        found = [
            _told(subject, judge_ocsp(staple.data, certificate, issuer, staple.time), "staple", "", staple.time)
            for staple in staples
        ]
        for asked in questions(mine, above):
            seen = self._fetched.get(asked.key)
            answer = judge(asked, seen, certificate, issuer)
            how = "ocsp" if asked.method == "POST" else "crl"
            found.append(_told(subject, answer, how, asked.url, seen.time if seen is not None else None))
        for state in ("revoked", "good"):
            for one in found:
                if one.state == state:
                    return one
        tried = [one for one in found if one.code != "NOT_PROBED"]
        return (tried or found or [nobody])[0]


def judge(asked: Question, seen: Observation[Fetch] | None, certificate: bytes, issuer: bytes) -> Answer:
    """What came of one question."""
    if asked.place is None:
        return unseen("URL_NOT_ASKED", asked.url)
    if seen is None:
        return unseen("NOT_PROBED")
    if seen.failure is not None:
        return unseen(str(seen.failure.reason), seen.failure.detail)
    fetched = seen.value
    assert fetched is not None
    if fetched.truncated:
        return unseen("ANSWER_TOO_LARGE", fetched.url)
    if fetched.status is None or fetched.ended != "answered":
        return unseen(_ENDED.get(fetched.ended, "ABORTED"), f"{fetched.url}: {fetched.ended}")
    if fetched.status != HTTP_OK:
        return unseen("HTTP_STATUS", f"{fetched.url}: {fetched.status}")
    judge_body = judge_ocsp if asked.method == "POST" else judge_crl
    return judge_body(fetched.body, certificate, issuer, seen.time)


def _told(subject: str, answer: Answer, how: str, url: str, time: datetime | None) -> Revocation:
    return Revocation(subject, answer.state, answer.code, answer.detail, how, url, time, answer.since, answer.reason)
