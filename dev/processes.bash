# Sourced by the scripts of this folder: processes that are known by a pid file. All of them have a
# path under the folder `dir` among their arguments.
# shellcheck shell=bash

arguments_of() {
  if [[ -r /proc/$1/cmdline ]]; then
    tr '\0' ' ' <"/proc/$1/cmdline"
  else
    ps -ww -p "$1" -o args=
  fi
}

# The process of pid file $1 is alive and ours: pids are used again, so its arguments must name dir.
is_running() {
  local pid
  pid=$(cat "$1" 2>/dev/null) || return 1
  # shellcheck disable=SC2154 # whoever sources this sets dir
  kill -0 "$pid" 2>/dev/null && [[ $(arguments_of "$pid" 2>/dev/null) == *"$dir/"* ]]
}

# Writes child $2 into pid file $1. Returns when it has its own arguments (before, those are this
# script's), or has ended.
remember() {
  local file=$1 pid=$2
  echo "$pid" >"$file"
  until is_running "$file" || ! kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
}

# Ends the process of pid file $1, if it is ours; by force after 10 s.
stop() {
  local file=$1 pid tries
  if is_running "$file"; then
    pid=$(cat "$file")
    kill "$pid" 2>/dev/null || true
    for ((tries = 0; tries < 100; tries++)); do
      is_running "$file" || break
      sleep 0.1
    done
    if is_running "$file"; then kill -9 "$pid" 2>/dev/null || true; fi
  fi
  rm -f "$file"
}
