"""Structured logs on standard error: JSON for machines, coloured text for a terminal."""

import logging
import sys
from enum import StrEnum
from typing import Any, Final, TextIO

import msgspec
import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor, WrappedLogger

#: klog's verbosity from which on every decision about every pod is logged. The
#: Go program's own image runs with ``-v 4``, at which it does the same.
DEBUG_VERBOSITY: Final = 4

#: Libraries that log each of their requests at debug level, which ours do already.
_TALKATIVE: Final = ("aiohttp", "asyncio", "kubernetes_asyncio", "urllib3")


#: Three times as fast as the standard library's, and every annotation written is a line.
_JSON: Final = msgspec.json.Encoder(enc_hook=str)


class LogFormat(StrEnum):
    """``AUTO`` is text on a terminal and JSON elsewhere."""

    AUTO = "auto"
    JSON = "json"
    TEXT = "text"


def set_up(verbosity: int = 0, log_format: LogFormat = LogFormat.AUTO) -> None:
    """Send structlog's and the standard library's logs to standard error, one line each.

    ``verbosity`` is klog's ``-v``. May be called again; the last call counts.
    """
    level = logging.DEBUG if verbosity >= DEBUG_VERBOSITY else logging.INFO
    terminal = sys.stderr.isatty()
    as_text = log_format is LogFormat.TEXT or (log_format is LogFormat.AUTO and terminal)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(as_text=as_text, colors=terminal),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.INFO))
    stream = sys.stderr
    structlog.configure(
        processors=[*shared, *_renderers(as_text=as_text, colors=terminal)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *name: _Lines(stream, *name),
    )


class _Lines(structlog.WriteLogger):
    """Our own lines, each in one write: a record of the standard library costs as much again."""

    def __init__(self, stream: TextIO, name: str = "") -> None:
        super().__init__(stream)
        self.name = name


def _json(line: EventDict, **_: Any) -> str:
    return _JSON.encode(line).decode()


def _renderers(*, as_text: bool, colors: bool) -> list[Processor]:
    """Tracebacks are shown without the values of local variables: one of them may be a token."""
    if as_text:
        return [
            structlog.dev.ConsoleRenderer(
                colors=colors, timestamp_key="time", exception_formatter=structlog.dev.plain_traceback
            )
        ]
    return [
        structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
        structlog.processors.EventRenamer("message"),
        _what_people_look_for_first,
        structlog.processors.JSONRenderer(serializer=_json),
    ]


def _what_people_look_for_first(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Order the keys of a line: when, how grave, what; then the rest."""
    first = {key: event.pop(key) for key in ("time", "level", "message") if key in event}
    return {**first, **event}
