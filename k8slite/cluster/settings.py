"""What can be chosen about a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from attrs import field, frozen
from cryptography.hazmat.primitives.asymmetric import ec

from k8slite.apiserver.auditing.auditor import AuditLog
from k8slite.apiserver.authentication.authenticator import RemoteTokens
from k8slite.apiserver.authentication.front_proxy import FrontProxy
from k8slite.apiserver.calling.endpoint import Way
from k8slite.apiserver.cross_origin import CrossOrigin
from k8slite.controllers import chosen_controllers
from k8slite.controllers.identity.authentication_trust import Trust
from k8slite.controllers.identity.certificate_signing import Sign
from k8slite.controllers.identity.legacy_token_cleaner import YEAR
from k8slite.messages import User
from k8slite.scheduler.configuration import Configuration

DEFAULT_MINOR: Final = 37


@frozen
class Settings:
    """What can be chosen about a cluster."""

    minor: int = DEFAULT_MINOR  # of the Kubernetes version that it speaks
    nodes: int = 3
    address: str = "127.0.0.1"
    port: int = 6443
    ca_bundle: str = ""  # PEM, for kube-root-ca.crt
    webhooks: Way | None = None  # how webhooks and other API servers are reached
    front_proxy: Trust | None = None  # what extension API servers are to know of this one
    believed: FrontProxy = FrontProxy()  # which front proxies this one is to believe
    remote_tokens: RemoteTokens | None = None  # what others say of whom tokens are
    sign: Sign | None = None  # what makes certificates of approved requests
    static_tokens: Mapping[str, User] = field(factory=dict)
    token_key: ec.EllipticCurvePrivateKey | None = None
    # Which controllers run, see `controllers.selection`; raises ValueError for an unknown one.
    controllers: tuple[str, ...] = field(default=("*",), converter=chosen_controllers)
    scheduler: bool = True
    scheduler_configuration: Configuration = Configuration()
    legacy_tokens_unused: timedelta = YEAR  # after which tokens in Secrets go
    leader_elect: bool = False  # whether controllers and scheduler work only with a lease
    metrics: bool = True  # metrics.k8s.io is served, where there are nodes to measure
    audit: AuditLog | None = None
    cross_origin: CrossOrigin = CrossOrigin()  # whose pages may ask from within browsers

    def runs(self, controller: str) -> bool:
        """Whether a controller is switched on."""
        on = controller in self.controllers or "*" in self.controllers
        return on and f"-{controller}" not in self.controllers
