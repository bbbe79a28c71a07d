"""Catalogue, checks and profiles as shipped, each read once."""

from __future__ import annotations

from functools import cache

from tr03108.catalogue import Catalogue, load_catalogue
from tr03108.judge import Check, load_checks
from tr03108.profile import Profile, load_profile


@cache
def catalogue() -> Catalogue:
    return load_catalogue()


@cache
def checks() -> tuple[Check, ...]:
    return load_checks()


@cache
def profile(name: str) -> Profile:
    return load_profile(name, catalogue(), [check.id for check in checks()])
