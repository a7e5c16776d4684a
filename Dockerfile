# docker run -p 127.0.0.1:8500:8500 -v registry-data:/data --read-only fr0g-ai-registry

FROM python:3.11-slim AS build
WORKDIR /src
COPY . .
RUN PYTHON=python3 ops/setup.sh /opt/registry ops/requirements.txt \
    && /opt/registry/bin/python -m pip --disable-pip-version-check uninstall --yes --quiet setuptools pip

FROM python:3.11-slim
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin registry \
    && install --directory --owner registry --group registry --mode 0700 /data
COPY --from=build /opt/registry /opt/registry
ENV PATH=/opt/registry/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    REGISTRY_DATA_DIR=/data \
    REGISTRY_HTTP_ADDR=0.0.0.0:8500
USER registry
VOLUME /data
EXPOSE 8500
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["python", "-c", "\
import http.client as http; \
connection = http.HTTPConnection('127.0.0.1', 8500, timeout=2); \
connection.request('GET', '/v1/status/leader'); \
raise SystemExit(connection.getresponse().status != 200)"]
ENTRYPOINT ["registry"]
CMD ["serve"]
