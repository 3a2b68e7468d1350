"""Logs that machines can read, and the names of the metrics."""

import json
import logging

import pytest
import structlog

from velero_volume_controller.observe.log import LogFormat, set_up
from velero_volume_controller.observe.metrics import Metrics


def test_away_from_a_terminal_each_line_is_json(capfd: pytest.CaptureFixture[str]) -> None:
    set_up()
    structlog.get_logger("test").info("annotated", pod="shop/web-0")
    line = json.loads(capfd.readouterr().err)
    assert line.pop("time").endswith("Z")
    assert line == {"message": "annotated", "pod": "shop/web-0", "level": "info", "logger": "test"}


def test_an_exception_is_one_line_of_json(capfd: pytest.CaptureFixture[str]) -> None:
    set_up()
    try:
        int("broken")
    except ValueError:
        structlog.get_logger("test").exception("loop")
    line = json.loads(capfd.readouterr().err)
    assert "broken" in line["exception"][0]["exc_value"]


@pytest.mark.parametrize("log_format", [LogFormat.JSON, LogFormat.TEXT])
def test_a_traceback_shows_no_values_of_variables(
    log_format: LogFormat, capfd: pytest.CaptureFixture[str]
) -> None:
    set_up(log_format=log_format)

    def fail(token: str) -> None:
        raise RuntimeError(len(token))

    try:
        fail("s3cret" * 2)
    except RuntimeError:
        structlog.get_logger("test").exception("loop")
    err = capfd.readouterr().err
    assert "RuntimeError" in err
    assert "s3crets3cret" not in err


def test_the_libraries_log_in_the_same_form(capfd: pytest.CaptureFixture[str]) -> None:
    set_up()
    logging.getLogger("aiohttp.server").warning("slow %s", "client")
    assert json.loads(capfd.readouterr().err)["message"] == "slow client"


@pytest.mark.parametrize(
    ("verbosity", "seen"), [(0, False), (3, False), (4, True)], ids=["no -v", "-v 3", "-v 4"]
)
def test_debug_lines_come_with_klogs_v_4(
    verbosity: int, seen: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    set_up(verbosity)
    structlog.get_logger("test").debug("decided")
    assert ("decided" in capfd.readouterr().err) is seen


def test_text_is_for_people(capfd: pytest.CaptureFixture[str]) -> None:
    set_up(log_format=LogFormat.TEXT)
    structlog.get_logger("test").info("annotated", pod="shop/web-0")
    err = capfd.readouterr().err
    assert "annotated" in err
    assert "pod=shop/web-0" in err


def test_metrics_carry_the_names_that_are_documented() -> None:
    metrics = Metrics("1.2.3")
    metrics.annotations.labels("add").inc()
    metrics.api_requests.labels("PATCH", "200").inc()
    body, content_type = metrics.exposition()
    text = body.decode()
    assert content_type.startswith("text/plain")
    assert 'vvc_annotations_total{action="add"} 1.0' in text
    assert 'vvc_api_requests_total{code="200",verb="PATCH"} 1.0' in text
    assert 'version="1.2.3"' in text
    for name in ("vvc_leader", "vvc_queue_depth", "vvc_pods", "vvc_watch_restarts_total"):
        assert f"# TYPE {name}" in text
