#!/usr/bin/env bash
# Unpacks mail servers that cannot be installed beside Postfix, and name servers that need not be installed, with the
# libraries that only they need, one folder per server. Nothing is installed. What is there in the current version stays.
set -euo pipefail

target="${TR03108_UNPACKED:-${XDG_CACHE_HOME:-$HOME/.cache}/tr03108/unpacked}"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

candidate() { apt-cache policy "$1" | sed -n 's/^  Candidate: //p'; }

unpack() { # folder, packages
  local folder="$target/$1" package version wanted=''
  shift
  for package in "$@"; do
    version="$(candidate "$package")"
    if [ -z "$version" ] || [ "$version" = '(none)' ]; then
      echo "apt knows no package $package; run apt-get update first" >&2
      return 1
    fi
    wanted+="$package=$version "
  done
  [ "$(cat "$folder/unpacked" 2>/dev/null || true)" != "$wanted" ] || return 0
  rm -rf "$folder" "$scratch/root"
  mkdir -p "$scratch/root" "$target"
  # shellcheck disable=SC2086 # words are meant
  (cd "$scratch" && apt-get -qq -o APT::Sandbox::User=root download $wanted)
  for package in "$@"; do
    dpkg-deb -x "$scratch/${package}"_*.deb "$scratch/root"
  done
  printf '%s' "$wanted" >"$scratch/root/unpacked"
  mv "$scratch/root" "$folder"
}

[ -n "$(candidate exim4-daemon-light)" ] || [ "$(id -u)" -ne 0 ] || apt-get -qq update
unpack exim exim4-daemon-light libidn12 libnsl2 libtirpc3
unpack opensmtpd opensmtpd libevent-2.1-7
unpack knot knot libknot13 libdnssec9 libzscanner4 liburcu8 libcap-ng0 libxdp1 libbpf1 libelf1 liblmdb0
unpack bind9 bind9 bind9-libs
