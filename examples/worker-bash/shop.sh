# What the tests need: it is loaded once for all of them.
price() {
  case $1 in
    apple) echo 30 ;;
    pear) echo 45 ;;
    *) return 1 ;;
  esac
}

# Fails the test unless both values are the same.
expect() {
  [[ $1 == "$2" ]] || {
    echo "expected $2, but it is $1" >&2
    return 1
  }
}
