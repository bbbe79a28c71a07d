"""The keys of one zone with what is needed of them again and again: the key tag, and the loaded public key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import dns.dnssec
from dns.dnssecalgs import get_algorithm_cls_from_dnskey
from dns.dnssecalgs.base import GenericPublicKey
from dns.rdtypes.ANY.DNSKEY import DNSKEY

_ZONE_KEY, _REVOKED = 0x0100, 0x0080


@dataclass(slots=True)
class Key:
    """One DNSKEY record."""

    dnskey: DNSKEY
    tag: int
    _loaded: GenericPublicKey | None = None

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raises what dnspython and `cryptography` raise where the signature does not hold or the key is none."""
        if self._loaded is None:
            self._loaded = get_algorithm_cls_from_dnskey(self.dnskey).public_cls.from_dnskey(self.dnskey)
        self._loaded.verify(signature, data)


class KeySet:
    """DNSKEY records, found by algorithm and key tag; several may share a tag (RFC 4034 section 5.2)."""

    def __init__(self, dnskeys: Iterable[DNSKEY] = ()) -> None:
        self._keys = tuple(Key(dnskey, dns.dnssec.key_id(dnskey)) for dnskey in dnskeys)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys)

    def __bool__(self) -> bool:
        return bool(self._keys)

    def named(self, algorithm: int, tag: int) -> tuple[Key, ...]:
        """The keys that an RRSIG with this algorithm and tag may have been made with."""
        return tuple(key for key in self._keys if key.tag == tag and key.dnskey.algorithm == algorithm)

    def only(self, keys: Iterable[Key]) -> KeySet:
        """Some of these keys; what is known of them stays known."""
        some = KeySet()
        some._keys = tuple(keys)
        return some


def zone_keys(dnskeys: Iterable[DNSKEY]) -> KeySet:
    """The keys that may sign zone data: zone flag set, protocol 3, not revoked (RFC 4034 2.1, RFC 5011 2.1)."""
    return KeySet(key for key in dnskeys if key.flags & _ZONE_KEY and not key.flags & _REVOKED and key.protocol == 3)
