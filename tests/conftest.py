"""For all tests: names of parametrised tests are the same in every process, so that `-n` can divide them."""

from __future__ import annotations


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are named by their argument only: keys, certificates and query ids are new in every process."""
    return argname if isinstance(val, bytes) else None
