# Tests the shell itself: globs.
cd "$PROJECT_DIR" && ls tests/*.sh > /dev/null
