"""Progress on standard error."""

from __future__ import annotations

import io

from tr03108.front.progress import Progress, printable


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_plain_lines_where_nobody_watches() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    progress.of("example.org")("asking")
    progress.end()
    assert stream.getvalue() == "example.org: asking\n"


def test_one_line_on_a_terminal() -> None:
    stream = Terminal()
    progress = Progress(stream)
    progress.say("one")
    progress.say("x" * 5000)
    progress.problem("trouble")
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().endswith("\r\x1b[Ktr03108: trouble\n")
    assert max(len(part) for part in stream.getvalue().split("\r")) < 1000


def test_quiet_still_tells_problems() -> None:
    stream = io.StringIO()
    progress = Progress(stream, quiet=True)
    progress.say("one")
    progress.problem("trouble")
    assert stream.getvalue() == "tr03108: trouble\n"


def test_nothing_steers_the_terminal() -> None:
    assert printable("a\x1b[2J\r\nb\u202ec\x9b") == "a\\x1b[2J\\r\\nb\\u202ec\\x9b"
    assert printable("grün") == "grün"
