# Tests the shell itself: sort.
test "$(printf 'b\na\n' | sort | tr -d '\n')" = ab
