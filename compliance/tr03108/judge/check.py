"""The `@check` decorator and the loading of check files. Nothing is registered: a check is a value in its module."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ..model import UsageError
from ..rooms import room
from .outcomes import Result

SUBJECT_KINDS = (
    "domain",
    "tlsrpt",  # the domain, with all that concerns the TLS reports it asks for
    "sending_domain",  # the same, with what it says about mail in its name
    "mail_host",
    "mail_address",  # port 25 at each address of each mail host
    "service_address",  # the same, and each service of mail clients at each address
    "starttls_address",  # those of them where TLS begins with STARTTLS
    "client_address",  # the services of mail clients alone
    "client_service",  # each kind of service for mail clients, also where there is none
    "clients",  # the domain, with all that concerns its mail clients
    "webmail_address",  # webmail that the user named, at each of its addresses
    "webmail_page",  # the same; where nobody named any there is nothing to say
)
_MODULE_PREFIX = "tr03108_checks_"


@dataclass(frozen=True, slots=True)
class Check:
    """A check function and what it is about.

    `case` is the BSI test case, None for a check of our own; `each` one of SUBJECT_KINDS; `file` the file's name.
    """

    id: str
    case: str | None
    each: str
    function: Callable[..., Result]
    file: str

    def __call__(self, view: Any, rules: Any) -> Result:
        return self.function(view, rules)

    @property
    def item_name(self) -> str:
        """The name in node ids: the test case where there is one."""
        return self.case or self.id


def check(case: str | None = None, *, id: str, each: str) -> Callable[[Callable[..., Result]], Check]:
    """Makes a function `(view, rules) -> Result` a check of a test case, or one of our own."""
    if each not in SUBJECT_KINDS:
        raise ValueError(f"each={each!r}: not one of {', '.join(SUBJECT_KINDS)}")

    def decorate(function: Callable[..., Result]) -> Check:
        return Check(id, case, each, function, Path(function.__code__.co_filename).name)

    return decorate


def load_checks() -> tuple[Check, ...]:
    """The shipped checks, in the order of files and of functions in them."""
    found: list[Check] = []
    for path in sorted(room("checks").glob("*.py")):
        found += checks_in(load_check_file(path))
    return tuple(found)


def load_check_file(path: Path) -> ModuleType:
    """Imports one check file under a name of its own. Raises UsageError where it cannot be loaded."""
    name = _MODULE_PREFIX + path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path}: not a check file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and typing look a module up by its name
    spec.loader.exec_module(module)
    return module


def checks_in(module: ModuleType) -> list[Check]:
    """The checks a module defines, in order."""
    return [value for value in vars(module).values() if isinstance(value, Check)]
