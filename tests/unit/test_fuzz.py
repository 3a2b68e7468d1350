"""A short run of what ``make fuzz`` does for as long as it is told."""

from hypothesis import HealthCheck, given, settings

from tests.fuzz import documents
from tests.fuzz.properties import is_read_back, read_or_refused
from velero_volume_controller.api.configuration import Configuration

SHORT = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@SHORT
@given(documents.right_documents())
def test_a_right_document_is_read_or_refused_with_line_numbers(text: str) -> None:
    read_or_refused(text)


@SHORT
@given(documents.grafted_documents())
def test_a_document_with_other_values_in_it_is_read_or_refused_with_line_numbers(text: str) -> None:
    read_or_refused(text)


@SHORT
@given(documents.scratched_documents())
def test_a_document_with_damaged_text_is_read_or_refused_with_line_numbers(text: str) -> None:
    read_or_refused(text)


@SHORT
@given(documents.noise())
def test_noise_is_read_or_refused_with_line_numbers(text: str) -> None:
    read_or_refused(text)


@SHORT
@given(documents.native_configurations())
def test_what_the_native_format_can_say_is_read_as_it_was_written(configuration: Configuration) -> None:
    is_read_back(configuration)
