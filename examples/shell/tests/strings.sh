# Tests the shell itself: strings.
greeting=hello; test "${greeting^^}" = HELLO
