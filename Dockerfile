# The operator's image: `make image`, or any builder with this folder as its context. BASE_IMAGE needs Python and pip.
# Nothing that changes by itself gets into a layer: the same files make the same layers, and what stays the same from one
# version to the next need not be pulled again.
ARG BASE_IMAGE=python:3.13-slim

# What pip installs, byte-compiled, for the root of the result is read-only: into .pyc files that are checked against
# nothing and carry no time. The models and calls that the kubernetes package generates are as large as all the rest
# compiled, and hardly imported.
FROM ${BASE_IMAGE} AS dependencies
ARG SOURCE_DATE_EPOCH=0
ENV PYTHONHASHSEED=0 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements/run.txt requirements/
RUN python -m venv --without-pip /opt/litellm-key-operator \
 && python -m pip --python /opt/litellm-key-operator install --quiet --no-compile --only-binary=:all: \
      --require-hashes -r requirements/run.txt \
 && python -m compileall -qq --invalidation-mode=unchecked-hash -x '/kubernetes/(aio/)?client/(api|models)/' \
      /opt/litellm-key-operator \
 && find /opt -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH}" {} +

# The operator itself, below /staged: a layer of its own, since it changes more often.
FROM dependencies AS program
ARG SOURCE_DATE_EPOCH=0
COPY requirements/build.txt requirements/
RUN python -m venv --without-pip tools \
 && python -m pip --python tools install --quiet --only-binary=:all: --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY operator operator
RUN tools/bin/python -m hatchling build -t wheel > /dev/null \
 && python -m pip --python /opt/litellm-key-operator install --quiet --no-compile --no-deps \
      --no-warn-script-location --root=/staged dist/*.whl \
 && python -m compileall -qq --invalidation-mode=unchecked-hash -s /staged /staged \
 && find /staged -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH}" {} +

# Python without pip; the copy below leaves no trace of it. Compiled too: times of files do not survive the copy, so what
# the base has is out of date.
FROM ${BASE_IMAGE} AS runtime
RUN find / -xdev -depth \( -path '*-packages/pip*' -o -path '*-packages/setuptools*' -o -path '*-packages/wheel*' \
      -o -path '*/ensurepip*' -o -path '*/python-wheels*' -o -path '*/bin/pip*' \) -exec rm -rf {} + \
 && PYTHONHASHSEED=0 python -m compileall -qq -f --invalidation-mode=unchecked-hash \
      "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"

FROM scratch
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="litellm-key-operator" \
      org.opencontainers.image.description="Hands out LiteLLM virtual keys as Kubernetes Secrets" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=runtime / /
COPY --from=dependencies /opt/litellm-key-operator /opt/litellm-key-operator
COPY --from=program /staged/opt/litellm-key-operator /opt/litellm-key-operator
ENV PATH=/opt/litellm-key-operator/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["litellm-key-operator"]
CMD ["run"]
