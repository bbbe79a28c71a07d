"""What a lab server presents in TLS: from what a scenario says to certificate chains and server contexts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from OpenSSL import SSL

from tr03108.lab.pki import Chain, Pki, Variant
from tr03108.lab.tls import TlsSettings, context
from tr03108.lab.tls_hello_config import HelloConfig
from tr03108.lab.tls_hellos import Hellos


class Presented(Protocol):
    """The keys of a scenario that say it: TLS by OpenSSL, or by script where `hellos` is there."""

    @property
    def certificate(self) -> Variant: ...
    @property
    def tls(self) -> TlsSettings: ...
    @property
    def hellos(self) -> HelloConfig | None: ...


def chain_for(pki: Pki, names: Sequence[str], presented: Presented) -> Chain:
    """A chain for `names`, and where there are keys of two types a second one beside it."""
    keys = [key for key in (presented.tls.key, presented.tls.second_key) if key]
    if presented.hellos is not None:
        keys = list(presented.hellos.keys)
    chain, *others = (pki.chain(names[0], presented.certificate, key, names[1:]) for key in keys)
    return replace(chain, second=others[0]) if others else chain


def presenting(chain: Chain, presented: Presented) -> SSL.Context | Hellos:
    """What a server shows: OpenSSL's work, or the script's."""
    if presented.hellos is None:
        return context(chain, presented.tls)
    return Hellos(presented.hellos, tuple(each for each in (chain, chain.second) if each is not None))
