# Builds both programs without cgo, so that they need nothing of the image but certificates and a user; branch-bot keeps branches with git, and has an
# image of its own for that.
#
#   make image                                   # tags it addon-manager:<version>
#   make image DOCKER=podman IMAGE=registry.example.com/platform/addon-manager:v0.1.0
#   docker build --target branch-bot -t registry.example.com/platform/branch-bot:v0.1.0 .
#
# The base images are named by tag, so that a rebuild gets their fixes. Pin them by digest where builds must be reproducible.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY cmd cmd
COPY internal internal
ARG VERSION=development
RUN CGO_ENABLED=0 go build -ldflags "-s -w -X github.com/addon-manager/addon-manager/internal/cli.Version=${VERSION}" -o /out/ ./cmd/addon-manager ./cmd/branch-bot

FROM alpine:3.22 AS branch-bot
RUN apk add --no-cache ca-certificates git gnupg openssh-client
COPY --from=build /out/branch-bot /usr/local/bin/
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/branch-bot"]

FROM gcr.io/distroless/static:nonroot
COPY --from=build /out/ /usr/local/bin/
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/addon-manager"]
