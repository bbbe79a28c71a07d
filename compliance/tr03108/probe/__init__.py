"""The async half: questions out, evidence in. It knows what to ask and never what is good."""

from .net import Network
from .plan import Probe, probe_domain
from .redirects import Redirects
from .roots import RootStore
from .system import system_resolvers

__all__ = ["Network", "Probe", "Redirects", "RootStore", "probe_domain", "system_resolvers"]
