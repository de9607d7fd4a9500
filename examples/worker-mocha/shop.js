export function total(prices, tax = 0) {
  return prices.reduce((sum, price) => sum + price, 0) * (1 + tax);
}
