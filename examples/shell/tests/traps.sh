# Tests the shell itself: traps.
output=$(bash -c 'trap "echo bye" EXIT'); test "$output" = bye
