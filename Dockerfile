FROM python:3.13-slim AS build
WORKDIR /srv/heard
RUN python -m venv /venv
COPY requirements.lock ./
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
COPY pyproject.toml LICENSE alembic.ini ./
COPY app app
COPY migrations migrations
# Editable: the migrations lie beside the package, not in it. Compiled here, since nobody may write there later.
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation -e . \
    && /venv/bin/python -m compileall -q app migrations

FROM python:3.13-slim AS base
RUN useradd --system --uid 10001 --no-create-home heard && install --directory --owner heard --mode 700 /data
COPY --from=build /venv /venv
COPY --from=build /srv/heard /srv/heard
WORKDIR /srv/heard
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HEARD_HOST=0.0.0.0 \
    HEARD_PORT=8000 \
    HEARD_DATA_DIR=/data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['HEARD_PORT'] + '/livez', timeout=2)"]
CMD ["heard", "serve"]
LABEL org.opencontainers.image.title="Heard" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"

# For `heard backup` and `heard restore` with PostgreSQL: its own client programs, of the server's version.
FROM base AS backup
ARG POSTGRESQL=18
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends ca-certificates postgresql-common \
    && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y \
    && apt-get install -y -qq --no-install-recommends "postgresql-client-$POSTGRESQL" \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner heard --mode 700 /backups
ENV HEARD_PG_BIN=/usr/lib/postgresql/$POSTGRESQL/bin
VOLUME /backups
USER heard
HEALTHCHECK NONE
CMD ["heard", "backup", "/backups"]

FROM base AS heard
USER heard
