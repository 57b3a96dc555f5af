#!/bin/sh
# Makes localhost/python:3.11-slim-bookworm, which deploy/Dockerfile begins with, where no registry of images is
# reached: Debian by debootstrap, from the mirror of this machine's own apt sources. Needs root, debootstrap, buildah.
# base.sh [ROOTFS]: an unpacked system that is there already.
set -eu

IMAGE=localhost/python:3.11-slim-bookworm
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
root=${1:-$folder/root}
if [ ! -d "$root/usr" ]; then
    mirror=$(cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null |
        sed -nE 's/^(URIs:|deb) *(\[[^]]*\] *)?((http|https):[^ ]+).*/\3/p' | head -n 1)
    [ -n "$mirror" ] || { echo "no Debian mirror in this machine's apt sources" >&2; exit 1; }
    debootstrap --variant=minbase --include=python3,python3-venv,python3-pip,ca-certificates bookworm "$root" "$mirror"
fi
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/* "$root"/debootstrap
# As in the official image, whose Python is no package of the system: `python` is a command, and pip may install.
rm -f "$root"/usr/lib/python3.11/EXTERNALLY-MANAGED
ln -sf /usr/bin/python3 "$root/usr/local/bin/python"
# The mirror's address stays here.
rm -rf "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d
container=$(buildah from scratch)
buildah add -q "$container" "$root" /
buildah config --env SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    --env PIP_CERT=/etc/ssl/certs/ca-certificates.crt --cmd python3 "$container"
buildah commit -q --rm "$container" "$IMAGE" >/dev/null
