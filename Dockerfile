# syntax=docker/dockerfile:1

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath -buildvcs=false -o /proofback ./server

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates curl tzdata \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin proofback \
 && install -d -o proofback -g proofback -m 0700 /var/lib/proofback
COPY --from=build /proofback /usr/local/bin/proofback

# The click spool lives here while Postgres is away: keep it on a volume.
VOLUME /var/lib/proofback
ENV PROOFBACK_ADDR=0.0.0.0:8080 \
    PROOFBACK_DATA_DIR=/var/lib/proofback
EXPOSE 8080
USER proofback
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:8080/readyz/clicks"]
ENTRYPOINT ["proofback"]
CMD ["serve"]
