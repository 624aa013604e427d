# syntax=docker/dockerfile:1.10
# The operator for a cluster: without the simulator, without a shell, as user 65532.
#
#   docker build --build-arg COMMIT="$(git rev-parse HEAD)" -t reseller-operator .
#
# To pin the base images beyond their tags, append the digests that
# `docker buildx imagetools inspect IMAGE` prints.

# Version as in rust-toolchain.toml, Debian as in the image at the end: they share a glibc. It has the
# C compiler for aws-lc.
FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock build.rs ./
COPY src src
ARG COMMIT
# Each platform has its own target folder: they are built side by side.
ARG TARGETPLATFORM
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target,id=target-${TARGETPLATFORM} \
    RESELLER_OPERATOR_COMMIT="${COMMIT}" cargo build --release --locked --no-default-features \
 && cp target/release/reseller-operator /usr/local/bin/reseller-operator

# The binary alone: docker build --target binary --output . .
FROM scratch AS binary
COPY --from=build /usr/local/bin/reseller-operator /reseller-operator

# glibc and the certificates of public authorities; nothing else.
FROM gcr.io/distroless/cc-debian12:nonroot
ARG COMMIT
ARG VERSION
LABEL org.opencontainers.image.title="reseller-operator" \
      org.opencontainers.image.description="Keeps Google Workspace reseller customers as the manifests in Git say" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}"
COPY --from=build /usr/local/bin/reseller-operator /usr/local/bin/reseller-operator
# A number, so that runAsNonRoot can be checked.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/reseller-operator"]
CMD ["run"]
