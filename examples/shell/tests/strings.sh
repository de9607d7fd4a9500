# A test of the shell itself: strings.
greeting=hello; test "${greeting^^}" = HELLO
