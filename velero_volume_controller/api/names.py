"""What Kubernetes takes for a name, as regular expressions for the whole text.

In the dialect that Python and JSON Schema share, so that they can stand in the
schema. The rules are those of apimachinery (pkg/util/validation).
"""

import re
from typing import Final

#: RFC 1123 labels: namespaces, a pod's volumes. At most 63 characters.
LABEL: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
LABEL_LENGTH: Final = 63

#: RFC 1123 subdomains: most other objects.
SUBDOMAIN: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
SUBDOMAIN_LENGTH: Final = 253

#: The same with ``*``, any run of characters, anywhere in the name.
LABEL_OR_PATTERN: Final = r"^[a-z0-9*]([-a-z0-9*]*[a-z0-9*])?$"
SUBDOMAIN_OR_PATTERN: Final = r"^[a-z0-9*]([-a-z0-9.*]*[a-z0-9*])?$"

#: A label's key: a name of at most 63 characters, perhaps with a subdomain and a slash before it.
LABEL_KEY: Final = (
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
    r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
)
#: 253 for the subdomain, the slash, 63 for the name.
LABEL_KEY_LENGTH: Final = 317

#: A label's value, which may be empty.
LABEL_VALUE: Final = r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"
LABEL_VALUE_LENGTH: Final = 63

#: An API server as client-go takes it: a URL, or a host and port alone.
SERVER: Final = r"^(https?://[^\s/]\S*|[^\s:/]+(:[0-9]+)?|\[[0-9a-fA-F:]+\](:[0-9]+)?)$"


def is_namespace(name: str) -> bool:
    """Whether a namespace can have this name."""
    return len(name) <= LABEL_LENGTH and re.fullmatch(LABEL, name) is not None


def is_object(name: str) -> bool:
    """Whether an object such as a Lease can have this name."""
    return len(name) <= SUBDOMAIN_LENGTH and re.fullmatch(SUBDOMAIN, name) is not None


def is_object_pattern(name: str) -> bool:
    """Whether it is a name that an object can have, or one with ``*`` in it that may match such a name."""
    return len(name) <= SUBDOMAIN_LENGTH and re.fullmatch(SUBDOMAIN_OR_PATTERN, name) is not None
