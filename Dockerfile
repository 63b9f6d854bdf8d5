# The server: API, workers and reconciler are commands of one image. CPU only.
FROM python:3.11-slim AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/nnpd
COPY requirements.lock ./
# An index that has torch without CUDA (README); the default one may bring several GB of it.
ARG TORCH_INDEX=
RUN /opt/nnpd/bin/pip install ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY models_store models_store
COPY nnp nnp
COPY nnp_client nnp_client
COPY nnpd nnpd
COPY service service
COPY worker worker
RUN /opt/nnpd/bin/pip install --no-deps --no-build-isolation .

FROM python:3.11-slim

RUN useradd --create-home --uid 10001 nnpd && install --directory --owner nnpd --mode 0700 /var/lib/nnpd
COPY --from=build /opt/nnpd /opt/nnpd
ENV PATH=/opt/nnpd/bin:$PATH NNPD_HOME=/var/lib/nnpd PYTHONUNBUFFERED=1
USER nnpd
VOLUME /var/lib/nnpd
STOPSIGNAL SIGTERM
ENTRYPOINT ["nnpd"]
# The whole service in one container (SQLite, no broker); docker-compose.yml runs its parts instead.
CMD ["up", "--host", "0.0.0.0", "--allow-network"]
EXPOSE 8765
