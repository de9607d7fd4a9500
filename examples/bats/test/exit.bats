@test "fails where it must" {
  run false
  [ "$status" -eq 1 ]
}
