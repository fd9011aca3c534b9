# The bot's three processes in one image; which one runs is the argument (web | worker | clock).
FROM python:3.11-slim AS build
# EXTRAS=[otel] adds what sends traces.
ARG EXTRAS=
WORKDIR /build
COPY pyproject.toml README.md ./
COPY bot bot
COPY handlers handlers
COPY playground/__init__.py playground/__init__.py
RUN python -m venv /opt/quartermaster && /opt/quartermaster/bin/pip install --no-cache-dir --no-compile ".$EXTRAS"

FROM python:3.11-slim
# Nothing is written at run time: no byte code, no caches; the root file system may be read-only.
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PATH=/opt/quartermaster/bin:$PATH PORT=3000 QUARTERMASTER_PROBE_PORT=3000
COPY --from=build /opt/quartermaster /opt/quartermaster
WORKDIR /app
COPY bot bot
COPY handlers handlers
COPY manifests manifests
RUN python -m compileall -q bot handlers
USER 65532:65532
EXPOSE 3000
ENTRYPOINT ["python", "-m", "bot"]
CMD ["web"]
