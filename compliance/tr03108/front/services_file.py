"""The services of mail clients that the user names: `--service KIND=HOST[:PORT]`, and the file of `--services`.

What the plan says of them shows up in every dossier, so each name ends in the one form that the rest of the product
knows. The file's structure is also that of reports/schemas/services.schema.json.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tr03108.front.domains import normalise
from tr03108.front.progress import printable
from tr03108.model import CLIENT_KINDS, MAIL_SERVICE, SERVICE_KINDS, ServiceKind, ServicePlace, UsageError
from tr03108.profile import Profile
from tr03108.toml.table import TomlTable, did_you_mean, quoted, read_toml

WEB = SERVICE_KINDS["https"]
WEBMAIL = "webmail"  # what users call it: they name the address of a page, not only a host
NAMED_KINDS = tuple(kind.name for kind in CLIENT_KINDS if kind is not WEB)
MOST_SERVICES = 64
MOST_WEBMAIL = 16
_LONGEST = 500  # characters of a host name as written, and of a URL
_SHOWN = 80
_PORT = re.compile(r"[0-9]{1,5}")
_URL = re.compile(r"(?P<scheme>[^:/?#]*)://(?P<place>[^/?#]*)(?P<rest>[^#]*)")  # RFC 3986 appendix B; no fragment


@dataclass(frozen=True, slots=True)
class NamedServices:
    """For `ProbePlan.named` and `ProbePlan.webmail`: each once, those of the file first."""

    places: tuple[ServicePlace, ...] = ()
    webmail: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Named:
    """One service, or the URL of a webmail; `complaint` makes the line that says where the user wrote it."""

    what: ServicePlace | str
    complaint: Callable[[str], UsageError]

    @property
    def kind(self) -> str:
        return self.what.kind if isinstance(self.what, ServicePlace) else WEB.name


def named_services(options: Sequence[str], file: Path | None, profile: Profile) -> NamedServices:
    """What `--service` (its values) and `--services` (its file) name together. Raises UsageError.

    A service that the profile does not look at is a mistake: naming it would do nothing.
    """
    named: list[_Named] = []
    no_webmail = False
    if file is not None:
        root = read_toml(file)
        named += _in_file(root)
        no_webmail = root.value(WEBMAIL) == []
    named += [_in_option(text) for text in options]
    places: dict[ServicePlace, None] = {}
    webmail: dict[str, None] = {}
    kinds: dict[tuple[str, int], str] = {}
    for item in named:
        if item.kind not in profile.plan.services:
            raise item.complaint(_not_looked_at(item.kind, profile))
        if isinstance(item.what, ServicePlace):
            other = kinds.setdefault((item.what.host, item.what.port), item.kind)
            if other != item.kind:
                raise item.complaint(f"{other} is named at this host and port, too")
            places[item.what] = None
        elif no_webmail:
            raise item.complaint(f"{file} says that there is no webmail")
        else:
            webmail[item.what] = None
        if len(places) > MOST_SERVICES:
            raise item.complaint(f"more than {MOST_SERVICES} services are named")
        if len(webmail) > MOST_WEBMAIL:
            raise item.complaint(f"more than {MOST_WEBMAIL} webmail addresses are named")
    return NamedServices(tuple(places), tuple(webmail) if webmail or no_webmail else None)


def _not_looked_at(kind: str, profile: Profile) -> str:
    shown = WEBMAIL if kind == WEB.name else kind
    return (
        f"profile {profile.id} does not look at {shown}; do not name it, or choose a profile with "
        f"{quoted(kind)} in services of [plan]"
    )


# ------------------------------------------------------------------------------------------------------------- options


def _in_option(text: str) -> _Named:
    """One value of --service."""
    shown = repr(_cut(text))

    def complaint(why: str) -> UsageError:
        return UsageError(f"--service {shown}: {why}")

    name, equals, value = (part.strip() for part in text.partition("="))
    try:
        if not equals:
            raise UsageError("write KIND=HOST, KIND=HOST:PORT or webmail=URL")
        if name == WEBMAIL:
            return _Named(_url(value), complaint)
        kind = _kind(name, (*NAMED_KINDS, WEBMAIL), f"write {WEBMAIL}=https://HOST/")
        host, port = _host_and_port(value, kind.port)
    except UsageError as error:
        raise complaint(str(error)) from None
    return _Named(ServicePlace(kind.name, host, port), complaint)


# ---------------------------------------------------------------------------------------------------------------- file


def _in_file(root: TomlTable) -> Iterator[_Named]:
    root.only(WEBMAIL, "service")
    services = root.tables("service")
    if len(services) > MOST_SERVICES:
        raise services[MOST_SERVICES].error(f"more than {MOST_SERVICES} services are named")
    yield from (_service(table) for table in services)
    urls = root.texts(WEBMAIL, ())
    if len(urls) > MOST_WEBMAIL:
        raise root.error(f"more than {MOST_WEBMAIL} webmail addresses are named", WEBMAIL, urls[MOST_WEBMAIL])
    for text in urls:

        def complaint(why: str, text: str = text) -> UsageError:
            return root.error(f"webmail {quoted(_cut(text))}: {why}", WEBMAIL, text)

        try:
            yield _Named(_url(text), complaint)
        except UsageError as error:
            raise complaint(str(error)) from None


def _service(table: TomlTable) -> _Named:
    """One [[service]]."""
    table.only("service", "host", "port", "protocol")
    name, host = table.text("service"), table.text("host")
    try:
        kind = _kind(name, NAMED_KINDS, f'write {WEBMAIL} = ["https://HOST/"] above the first [[service]]')
    except UsageError as error:
        raise table.error(str(error), "service") from None
    try:
        if ":" in host and not _is_address(host):
            raise UsageError(f'{quoted(_cut(host))}: give the host name alone; the port stands in "port"')
        host = _host(host)
    except UsageError as error:
        raise table.error(str(error), "host") from None
    if "protocol" in table and table.text("protocol") != kind.language:
        protocol = quoted(_cut(table.text("protocol")))
        raise table.error(f'"protocol" is {protocol}, but {kind.name} speaks {quoted(kind.language)}', "protocol")
    place = ServicePlace(kind.name, host, table.integer("port", kind.port, minimum=1, maximum=65535))
    return _Named(place, lambda why: table.error(why, "service"))


# --------------------------------------------------------------------------------------------- kinds, hosts, addresses


def _kind(name: str, known: Collection[str], webmail: str) -> ServiceKind:
    """`webmail` says how the address of a webmail is written here."""
    if name in NAMED_KINDS:
        return SERVICE_KINDS[name]
    if name in (WEB.name, WEBMAIL):
        raise UsageError(f"webmail is named by its address: {webmail}")
    if name == MAIL_SERVICE.name:
        raise UsageError("mail hosts are not named here: the domain's MX records name them")
    near = did_you_mean(name[:_SHOWN], known) or f"; known: {', '.join(known)}"
    raise UsageError(f"unknown service {quoted(_cut(name))}{near}")


def _host_and_port(text: str, port: int) -> tuple[str, int]:
    """HOST or HOST:PORT; `port` where there is none."""
    if "/" in text:
        raise _not_alone(text)
    if text.startswith("[") or text.count(":") > 1:
        raise _address(text)
    host, colon, number = text.partition(":")
    if colon:
        port = int(number) if _PORT.fullmatch(number) else 0
        if not 1 <= port <= 65535:
            raise UsageError(f"port {quoted(_cut(number))}: must be 1 to 65535")
    return _host(host), port


def _host(text: str) -> str:
    """The host name in the form of dossiers: lower-case A-labels without trailing dot."""
    if not text.strip():
        raise UsageError("the host name is missing")
    if len(text) > _LONGEST:
        raise UsageError(f"the host name is longer than {_LONGEST} characters")
    if _is_address(text):
        raise _address(text)
    if "/" in text or "@" in text:
        raise _not_alone(text)
    return normalise(text)


def _url(text: str) -> str:
    """The https URL of a webmail: scheme and host in lower case, no port where it is 443, no fragment, a path."""
    if len(text) > _LONGEST:
        raise UsageError(f"the URL is longer than {_LONGEST} characters")
    if not all("!" <= char <= "~" for char in text):
        raise UsageError("a URL is printable ASCII without spaces (internationalised names as xn--...)")
    parts = _URL.match(text)
    if parts is None or parts["scheme"].lower() != "https":
        raise UsageError("not an https URL: write https://HOST/ or https://HOST:PORT/PATH")
    if "@" in parts["place"]:
        raise UsageError("a URL with user name or password; no credentials are ever sent")
    host, port = _host_and_port(parts["place"], WEB.port)
    place = host if port == WEB.port else f"{host}:{port}"
    path = parts["rest"] if parts["rest"].startswith("/") else f"/{parts['rest']}"
    return f"https://{place}{path}"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.strip().removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _address(text: str) -> UsageError:
    return UsageError(f"{quoted(_cut(text))}: give a host name, not an address: certificates are checked against it")


def _not_alone(text: str) -> UsageError:
    return UsageError(f"{quoted(_cut(text))}: give the host name alone")


def _cut(text: str) -> str:
    """A word of the user's for a message: short, and visible characters only."""
    return printable(text[:_SHOWN]) + ("..." if len(text) > _SHOWN else "")
