"""Native documents for tests, from the few lines that a case is about."""

HEAD = "apiVersion: vvc.velero.io/v1alpha1\nkind: ControllerConfig\n"


def document(*lines: str) -> str:
    """A document with these lines below ``annotator`` (they begin on line 4)."""
    return HEAD + "annotator:\n" + "".join(f"  {line}\n" for line in lines)


def one_rule(*lines: str, action: str = "backup") -> str:
    """A document with one rule that has these lines (they begin on line 6)."""
    rule = ["rules:", f"- {{name: r, action: {action}", *(f"  ,{line}" for line in lines), "  }"]
    return document(*rule)


def namespaces(text: str) -> str:
    """One rule with these namespaces, on line 6."""
    return one_rule(f"namespaces: {text}")


def volumes(text: str) -> str:
    """One rule with these volumes, on line 6."""
    return one_rule(f"volumes: {text}")


def selector(*requirements: str, labels: str = "{}") -> str:
    """One rule with a selector of pods, on line 6."""
    expressions = f", matchExpressions: [{', '.join(requirements)}]" if requirements else ""
    return one_rule(f"pods: {{selector: {{matchLabels: {labels}{expressions}}}}}")
