# Tests the shell itself: pipes.
test "$(printf '3\n1\n2\n' | sort | head -n 1)" -eq 1
