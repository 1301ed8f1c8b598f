# The operator and the command line pcert, without a shell, as a user without rights. Two ways to build it:
#
#   docker build .                                          from source: npm ci and npm run build run in the image BUILD_IMAGE
#   npm run build && docker build --target prebuilt .       from dist/: nothing runs, so it makes images of any platform
#
# NODE_IMAGE may be any image with Node 24; release builds pin it by digest (NAME:TAG@sha256:…).
ARG NODE_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot
ARG BUILD_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS base
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="provider-certificates" \
      org.opencontainers.image.description="Keeps certificates of cloud certificate managers as kubernetes.io/tls Secrets" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/provider-certificates/provider-certificates" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
# Images with Node have it in one of these places; there may be no shell that would look for it.
ENV PATH=/nodejs/bin:/usr/local/bin:/usr/bin:/bin
# By number: Kubernetes cannot tell from a name that it is not root.
USER 65532:65532
# Half the memory after a thousand new certificates, for a tenth more CPU (docs/performance.md).
ENV MALLOC_ARENA_MAX=2
ENTRYPOINT ["node", "--max-semi-space-size=4", "--heap-growing-percent=50", "/app/operator.mjs"]

FROM base AS prebuilt
# The pattern lets a build from source pass by here while there is no dist/ (the old builder runs every stage).
COPY LICENSE dist/operator.mj[s] dist/pcert.mj[s] /app/

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY scripts/build.ts scripts/
COPY src src
RUN npm run build

FROM base
COPY LICENSE /app/
COPY --from=build /src/dist/operator.mjs /src/dist/pcert.mjs /app/
