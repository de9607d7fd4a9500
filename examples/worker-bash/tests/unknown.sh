! price stone
echo "unknown: passed"
