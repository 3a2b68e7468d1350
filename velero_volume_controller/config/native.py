"""The native format: its one definition, of which the JSON Schema and the reference are made.

Each description says what a person needs to know; each title, what is expected,
in the words of an error message. Everything but ``apiVersion``, ``kind`` and a
rule's ``name`` and ``action`` may be left out; an empty list cannot be written, so
here it means that the key is not there.
"""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct, field

from velero_volume_controller.api import names
from velero_volume_controller.api.configuration import Action, ClusterServer, Mode, Operator, Ownership
from velero_volume_controller.api.labels import LabelKey, LabelValue
from velero_volume_controller.api.quantities import QUANTITY_PATTERN
from velero_volume_controller.api.volume_types import VOLUME_TYPES

_STAR = "(in which * is any run of characters)"
#: No control characters, and no spaces at either end.
_ONE_LINE = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f\u2028\u2029]*[^\s\x00-\x1f\x7f-\x9f])?$"
_DEFAULTS: Final = ClusterServer()

NamespaceName = Annotated[
    str,
    Meta(
        title=f"the name of a namespace {_STAR}",
        pattern=names.LABEL_OR_PATTERN,
        max_length=names.LABEL_LENGTH,
    ),
]
ObjectName = Annotated[
    str,
    Meta(
        title=f"the name of an object {_STAR}",
        pattern=names.SUBDOMAIN_OR_PATTERN,
        max_length=names.SUBDOMAIN_LENGTH,
    ),
]
VolumeName = Annotated[
    str,
    Meta(
        title=f"the name of a pod's volume {_STAR}",
        pattern=names.LABEL_OR_PATTERN,
        max_length=names.LABEL_LENGTH,
    ),
]
VolumeType = Annotated[
    str, Meta(title="the type of a volume", extra_json_schema={"enum": sorted(VOLUME_TYPES)})
]
Quantity = Annotated[str, Meta(title="a quantity such as 10Gi, 500M or 1e9", pattern=QUANTITY_PATTERN)]


class Format(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What all sections share: camelCase keys, and no others."""


class RequirementSpec(Format):
    """One condition on one label."""

    key: Annotated[LabelKey, Meta(description="The label.", examples=["app"])]
    operator: Annotated[
        Operator,
        Meta(
            description="In: the label has one of the values. NotIn: it has none of them, or is absent. "
            "Exists, DoesNotExist: it is there or not, whatever its value."
        ),
    ]
    values: Annotated[
        list[LabelValue],
        Meta(
            min_length=1,
            description="The values that In and NotIn speak of; not for Exists and DoesNotExist.",
            examples=[["web", "db"]],
        ),
    ] = []


#: In and NotIn need values, the other operators take none.
_VALUES_BY_OPERATOR: Final = {
    "allOf": [
        {
            "if": {"properties": {"operator": {"enum": ["In", "NotIn"]}}, "required": ["operator"]},
            "then": {"required": ["values"]},
        },
        {
            "if": {
                "properties": {"operator": {"enum": ["Exists", "DoesNotExist"]}},
                "required": ["operator"],
            },
            "then": {"not": {"required": ["values"]}},
        },
    ]
}


class SelectorSpec(Format):
    """A Kubernetes label selector: every condition must hold."""

    match_labels: Annotated[
        dict[LabelKey, LabelValue],
        Meta(
            description="Labels and the value that each must have.",
            examples=[{"app.kubernetes.io/part-of": "shop"}],
        ),
    ] = {}
    match_expressions: Annotated[
        list[Annotated[RequirementSpec, Meta(extra_json_schema=_VALUES_BY_OPERATOR)]],
        Meta(
            min_length=1,
            description="Conditions with operators.",
            examples=[[{"key": "tier", "operator": "In", "values": ["db", "cache"]}]],
        ),
    ] = []


class NamespacesSpec(Format):
    """Which namespaces a rule speaks of: all, unless it says otherwise."""

    include: Annotated[
        list[NamespaceName],
        Meta(min_length=1, description="Only namespaces of these names.", examples=[["shop-*", "bank"]]),
    ] = []
    exclude: Annotated[
        list[NamespaceName],
        Meta(
            min_length=1,
            description="No namespaces of these names, even if they are included.",
            examples=[["shop-tmp"]],
        ),
    ] = []
    selector: Annotated[
        SelectorSpec,
        Meta(
            description="Only namespaces whose labels match. Needs the right to list and watch namespaces.",
            examples=[{"matchLabels": {"backup": "yes"}}],
        ),
    ] = field(default_factory=SelectorSpec)


class PodsSpec(Format):
    """Which pods a rule speaks of: all, unless it says otherwise."""

    selector: Annotated[
        SelectorSpec,
        Meta(
            description="Only pods whose labels match.",
            examples=[{"matchExpressions": [{"key": "canary", "operator": "DoesNotExist"}]}],
        ),
    ] = field(default_factory=SelectorSpec)
    exclude_jobs: Annotated[
        list[ObjectName],
        Meta(min_length=1, description="No pods that a Job of such a name owns.", examples=[["*-cron"]]),
    ] = []


class VolumesSpec(Format):
    """Which volumes a rule speaks of: all, unless it says otherwise."""

    types: Annotated[
        list[VolumeType],
        Meta(
            min_length=1,
            description="Only volumes of these types: the name of the field in the pod's spec.",
            examples=[["persistentVolumeClaim", "emptyDir"]],
        ),
    ] = []
    names: Annotated[
        list[VolumeName],
        Meta(min_length=1, description="Only volumes that have such a name in the pod.", examples=[["data"]]),
    ] = []
    claims: Annotated[
        list[ObjectName],
        Meta(min_length=1, description="Only PVCs of these names.", examples=[["data-*"]]),
    ] = []
    claim_selector: Annotated[
        SelectorSpec,
        Meta(
            description="Only PVCs whose labels match. Like storageClasses, minSize and maxSize, "
            "it needs the right to list and watch persistentvolumeclaims.",
            examples=[{"matchLabels": {"tier": "gold"}}],
        ),
    ] = field(default_factory=SelectorSpec)
    storage_classes: Annotated[
        list[ObjectName],
        Meta(min_length=1, description="Only PVCs of these storage classes.", examples=[["fast"]]),
    ] = []
    min_size: Annotated[
        Quantity,
        Meta(
            description="Only PVCs of this capacity or more; while a PVC has none, its request counts.",
            examples=["1Gi"],
        ),
    ] = ""
    max_size: Annotated[
        Quantity, Meta(description="Only PVCs of this capacity or less.", examples=["10Gi"])
    ] = ""


class RuleSpec(Format):
    """Speaks of the volumes that all its conditions match. The first such rule decides a volume."""

    name: Annotated[
        str,
        Meta(
            title="a name of at most 63 characters",
            pattern=_ONE_LINE,
            max_length=63,
            description="What explain, plan, logs and events call the rule. No two rules may share it.",
            examples=["databases"],
        ),
    ]
    action: Annotated[Action, Meta(description="What becomes of the volumes.", examples=["backup"])]
    namespaces: Annotated[
        NamespacesSpec, Meta(description="Which namespaces; all of its keys must hold.")
    ] = field(default_factory=NamespacesSpec)
    pods: Annotated[PodsSpec, Meta(description="Which pods; all of its keys must hold.")] = field(
        default_factory=PodsSpec
    )
    volumes: Annotated[VolumesSpec, Meta(description="Which volumes; all of its keys must hold.")] = field(
        default_factory=VolumesSpec
    )


class AnnotatorSpec(Format):
    """Which volumes are backed up."""

    mode: Annotated[
        Mode,
        Meta(
            description="opt-in writes the annotation that names the volumes to back up. opt-out writes the "
            "one that names those to leave out, for a Velero that runs with defaultVolumesToFsBackup."
        ),
    ] = Mode.OPT_IN
    ownership: Annotated[
        Ownership,
        Meta(
            description="protect leaves annotations alone that someone else wrote; legacy overwrites and "
            "strips them. The option --ownership, where it is given, beats this key."
        ),
    ] = Ownership.PROTECT
    default: Annotated[Action, Meta(description="What becomes of a volume that no rule speaks of.")] = (
        Action.SKIP
    )
    adopt: Annotated[
        bool,
        Meta(
            description="Whether an annotation that is not marked as ours, but says what the rules give, "
            "becomes ours."
        ),
    ] = False
    rules: Annotated[
        list[RuleSpec],
        Meta(
            description="In order: the first rule that matches a volume decides it.",
            examples=[[{"name": "databases", "action": "backup", "namespaces": {"include": ["shop-*"]}}]],
        ),
    ] = []


class ClientConnectionSpec(Format):
    """How the API server is reached. Without it: the pod's service account, else the usual kubeconfig."""

    server: Annotated[
        str,
        Meta(
            title="a URL such as https://10.0.0.1:6443",
            pattern=names.SERVER,
            description="The API server. Beats the server that the kubeconfig names.",
            examples=["https://10.0.0.1:6443"],
        ),
    ] = ""
    kubeconfig: Annotated[
        str,
        Meta(
            title="the path of a kubeconfig",
            min_length=1,
            description="The path of a kubeconfig.",
            examples=["/etc/vvc/kubeconfig"],
        ),
    ] = ""


class LeaderElectionSpec(Format):
    """The Lease that elects the replica that acts. All replicas must name the same."""

    resource_namespace: Annotated[
        str,
        Meta(
            title="the name of a namespace",
            pattern=names.LABEL,
            max_length=names.LABEL_LENGTH,
            description="The Lease's namespace.",
        ),
    ] = _DEFAULTS.lease_namespace
    resource_name: Annotated[
        str,
        Meta(
            title="the name of a Lease",
            pattern=names.SUBDOMAIN,
            max_length=names.SUBDOMAIN_LENGTH,
            description="The Lease's name.",
        ),
    ] = _DEFAULTS.lease_name


class ControllerConfig(Format):
    """The configuration of velero-volume-controller, in its native format."""

    api_version: Annotated[Literal["vvc.velero.io/v1alpha1"], Meta(description="The format's version.")]
    kind: Annotated[Literal["ControllerConfig"], Meta(description="The format's name.")]
    metadata: Annotated[
        dict[str, Any],
        Meta(description="Ignored; here so that tools for Kubernetes objects take the file for one."),
    ] = {}
    client_connection: Annotated[ClientConnectionSpec, Meta(description="How the API server is reached.")] = (
        field(default_factory=ClientConnectionSpec)
    )
    leader_election: Annotated[
        LeaderElectionSpec, Meta(description="The Lease that elects the replica that acts.")
    ] = field(default_factory=LeaderElectionSpec)
    annotator: Annotated[AnnotatorSpec, Meta(description="Which volumes are backed up.")] = field(
        default_factory=AnnotatorSpec
    )
