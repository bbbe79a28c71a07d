#!/bin/sh
# Makes the peers' environment: a virtual environment with sslyze, and Debian's testssl.sh unpacked; prints its folder last.
# An environment of its own, because sslyze wants an older `cryptography` than this product uses; needs no root.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
folder=${TR03108_TLS_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/tr03108/tls-peers}
python=${PYTHON:-$(command -v python3.11 || command -v python3)}

mkdir -p "$folder"
if ! cmp -s "$here/peers.txt" "$folder/sslyze/peers.txt"; then
  rm -rf "$folder/sslyze"
  "$python" -m venv "$folder/sslyze"
  "$folder/sslyze/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$here/peers.txt" >&2
  cp "$here/peers.txt" "$folder/sslyze/peers.txt"  # last: says that the environment is complete
fi

# Debian keeps one version for each of its releases: run.py prints which. /etc/testssl is found below the folder.
if [ ! -x "$folder/testssl/usr/bin/testssl" ]; then
  if command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
    rm -rf "$folder/debian" "$folder/testssl"
    mkdir "$folder/debian"
    if (cd "$folder/debian" && apt-get download -qq -o APT::Sandbox::User=root testssl.sh >&2); then
      dpkg-deb -x "$folder"/debian/testssl.sh_*.deb "$folder/testssl"
    else
      echo "Debian's package testssl.sh is not to be had here" >&2
    fi
  else
    echo "no Debian: testssl.sh is left out" >&2
  fi
fi
echo "$folder"
