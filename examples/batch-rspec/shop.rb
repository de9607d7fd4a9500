def total(prices, tax = 0)
  prices.sum * (1 + tax)
end
