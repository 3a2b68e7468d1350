"""Which volumes should be backed up, and why: a pod and a configuration in, a decision out.

Pure: no clock, no network. One engine for every configuration format.
"""

from velero_volume_controller.policy.decision import PodDecision, VolumeDecision, decide

__all__ = ["PodDecision", "VolumeDecision", "decide"]
