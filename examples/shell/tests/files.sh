# Tests the shell itself: files.
printf 'a\nb\n' > "$ARTIFACT_DIR"/lines.txt; test "$(wc -l < "$ARTIFACT_DIR"/lines.txt)" -eq 2
