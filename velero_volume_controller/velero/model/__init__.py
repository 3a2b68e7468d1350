"""Velero's own rules and shapes, pure: raw JSON or plain values in, frozen values out."""
