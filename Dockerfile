# The controller's image: Python, the locked dependencies with their hashes checked,
# the package. Non-root, and nothing in it needs a writable file system.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements.lock requirements-dev.lock ./
# Of the development lock only what builds the package: setuptools.
RUN python -m venv /opt/vvc \
 && awk '/^setuptools==/, !/\\$/' requirements-dev.lock > build.lock \
 && /opt/vvc/bin/pip install --no-cache-dir --require-hashes -r requirements.lock -r build.lock
COPY setup.cfg pyproject.toml README.md ./
COPY velero_volume_controller velero_volume_controller
RUN /opt/vvc/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
 && /opt/vvc/bin/pip uninstall --yes setuptools pip

FROM python:3.11-slim-bookworm
COPY --from=build /opt/vvc /opt/vvc
ENV PATH=/opt/vvc/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# Deployments of the Go program call ./velero-volume-controller.
WORKDIR /opt/vvc/bin
USER 65532:65532
EXPOSE 8080
# Without arguments it runs with /velero-volume-controller/examples/config.yml, as the Go program's image does.
ENTRYPOINT ["velero-volume-controller"]
