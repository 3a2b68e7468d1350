"""Logs and metrics: what happened goes in, lines and numbers for people and Prometheus come out.

Imports nothing of ours.
"""
