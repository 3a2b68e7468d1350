"""Which volumes should be backed up, and why: a pod, its surroundings and a configuration in, a decision out.

Pure: no clock, no network. One engine for every configuration format.
"""

from velero_volume_controller.policy.decision import PodDecision, Step, VolumeDecision, decide

__all__ = ["PodDecision", "Step", "VolumeDecision", "decide"]
