expect "$(price apple)" 30
expect "$(price pear)" 45
echo "prices: passed"
