# One image for every role; the role is the command: `api`, `worker`, `scheduler`, `serve`, `migrate`, …

FROM rust:1.95-bookworm AS build
WORKDIR /build
# .cargo holds flags without which the embedded database refuses to open; .dockerignore keeps out what is not source.
COPY . .
# The caches make a second build short. The program is copied out, because a cache is not part of the image.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --package leadrail --bin leadrail \
    && cp target/release/leadrail /leadrail

FROM debian:bookworm-slim
# Certificates: buyers are called over https.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 leadrail \
    && useradd --system --uid 10001 --gid leadrail --no-create-home --home-dir /data leadrail \
    && install --directory --owner=leadrail --group=leadrail --mode=0700 /data
COPY --from=build /leadrail /usr/local/bin/leadrail
# /data is used only by the embedded database, when there is no DATABASE_URL.
ENV LEADRAIL_LISTEN=0.0.0.0:8080 \
    LEADRAIL_DATA=/data
USER leadrail
WORKDIR /data
VOLUME /data
EXPOSE 8080
# After SIGTERM the process ends within 19 seconds: give `docker stop` more than its usual 10.
STOPSIGNAL SIGTERM
ENTRYPOINT ["leadrail"]
CMD ["serve"]
