# Sourced by the scripts of this folder: the cache in which they keep programs of others.
# shellcheck shell=bash

# shellcheck disable=SC2034 # for whoever sources this
readonly cache_home=${XDG_CACHE_HOME:-$HOME/.cache}/reseller-operator

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
  say "$@"
  exit 1
}

platform() {
  local os arch
  os=$(uname -s | tr '[:upper:]' '[:lower:]')
  arch=$(uname -m)
  case $arch in
    x86_64) arch=amd64 ;;
    aarch64) arch=arm64 ;;
  esac
  printf '%s-%s\n' "$os" "$arch"
}

# A lock as a folder, because flock is not everywhere. A holder that died is pushed aside, also one
# that died before it could write its pid.
take_lock() {
  local lock=$1 holder nameless=0 told=
  while ! mkdir "$lock" 2>/dev/null; do
    holder=$(cat "$lock/pid" 2>/dev/null || true)
    [[ -n $holder ]] || nameless=$((nameless + 1))
    if ((nameless > 20)) || { [[ -n $holder ]] && ! kill -0 "$holder" 2>/dev/null; }; then
      rm -rf "$lock"
      nameless=0
      continue
    fi
    [[ -n $told ]] || say "waiting for process ${holder:-that is starting}, which holds $lock"
    told=yes
    sleep 0.5
  done
  echo $$ >"$lock/pid"
}
