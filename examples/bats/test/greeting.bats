@test "greets" {
  run echo hello
  [ "$status" -eq 0 ]
  [ "$output" = hello ]
}
