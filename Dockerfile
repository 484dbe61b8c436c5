# andon in a container: built from this folder, run by a user of its own, without anything but the program.
#
#   docker build -t andon .
#
# The bases are pinned by version. Pin them by digest as well where you build for others:
# `docker buildx imagetools inspect rust:1.95.0-bookworm` prints it.
FROM rust:1.95.0-bookworm AS build
WORKDIR /build
COPY . .
RUN cargo build --release --locked --bin andon

FROM debian:12.12-slim
RUN useradd --uid 10001 --no-create-home --home-dir /var/lib/andon --shell /usr/sbin/nologin andon \
 && install -d -o andon -g andon -m 0700 /var/lib/andon /keys/andon \
 && install -d -o andon -g andon -m 0755 /keys/prometheus /keys/alertmanager
COPY --from=build /build/target/release/andon /usr/local/bin/andon
USER 10001:10001
WORKDIR /var/lib/andon
EXPOSE 9797
# Without curl: the shell opens the connection itself.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9797 && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["andon"]
CMD ["serve", "--config", "/etc/andon/andon.toml"]
