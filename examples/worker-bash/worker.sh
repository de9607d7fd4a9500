#!/usr/bin/env bash
# A worker for shell tests: it loads shop.sh once, and runs each test in a fork of itself.
set -m # gives each test a process group of its own
source ./shop.sh

# Reads the field $1 of the request into the variable $2. JSON's escapes are those of printf.
text='"(([^"\\]|\\.)*)"'
field() {
  [[ $request =~ \"$1\":$text ]] && printf -v "$2" '%b' "${BASH_REMATCH[1]}"
}

# Exports the variables of the request, whose last field they are.
export_environment() {
  local rest=${request#*\"environment\":\{} pair="^,?\"([A-Za-z0-9_]+)\":$text" value
  while [[ $rest =~ $pair ]]; do
    printf -v value '%b' "${BASH_REMATCH[2]}"
    export "${BASH_REMATCH[1]}=$value"
    rest=${rest:${#BASH_REMATCH}}
  done
}

run() {
  exec 3<&- 4>&- < /dev/null > "$console" 2>&1
  export_environment
  set +m -e
  source "$TEST"
}

printf '{"kind":"ready","protocol":1,"isolation":"process"}\n' >&4
while IFS= read -r request <&3; do
  [[ $request =~ \"request\":([0-9]+) ]]
  number=${BASH_REMATCH[1]}
  field console console
  (run) &
  printf '{"kind":"begun","request":%d,"process":%d}\n' "$number" "$!" >&4
  wait "$!"
  printf '{"kind":"ended","request":%d,"exit_code":%d}\n' "$number" "$?" >&4
done
