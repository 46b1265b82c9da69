#!/usr/bin/env bash
# Builds the components with Debian's compiler, for machines where rustup cannot reach its server.
# Takes the target directory and further flags for rustc. Needs Debian 12 with its security suite; the mirror is the machine's own.
set -euo pipefail
target=$1
flags=${2:-}
apt-get update -qq
apt-get install -y -qq rustc-web cargo-web rust-web-src
mirror=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -n 1 | tr -d ' ')
if ! apt-cache policy wasi-libc | grep -q backports; then
  echo "deb ${mirror} bookworm-backports main" > /etc/apt/sources.list.d/wasi-backports.list
  apt-get update -qq
fi
libc=$(mktemp -d)
(cd "$libc" && apt-get download -qq wasi-libc/bookworm-backports && dpkg -x wasi-libc_*.deb .)
bin=$(rustc --print sysroot)/lib/rustlib/x86_64-unknown-linux-gnu/bin
export PATH="$bin:$bin/gcc-ld:$PATH" RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
# RUSTFLAGS replaces the flags of .cargo/config.toml, so they are repeated here.
export RUSTFLAGS="-C target-feature=+simd128 -L native=$libc/usr/lib/wasm32-wasip2 $flags"
for package in oracle-fusion-connector tiny-guest; do
  /usr/bin/cargo rustc --lib --crate-type cdylib --profile component -Z build-std=std,panic_abort --target wasm32-wasip2 \
    --target-dir "$target" --package "$package"
done
