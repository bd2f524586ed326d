FROM python:3.13-slim AS build
WORKDIR /srv/heard
RUN python -m venv /venv
COPY requirements.lock ./
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
COPY pyproject.toml LICENSE alembic.ini ./
COPY app app
COPY migrations migrations
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation -e .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home heard && install --directory --owner heard --mode 700 /data
COPY --from=build /venv /venv
COPY --from=build /srv/heard /srv/heard
WORKDIR /srv/heard
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HEARD_HOST=0.0.0.0 \
    HEARD_DATA_DIR=/data
USER heard
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/livez', timeout=2)"]
CMD ["heard", "serve"]
