#include <string.h>

static int total(const int *prices, int count, int tax) {
  int sum = 0;
  for (int i = 0; i < count; i++) sum += prices[i];
  return sum + sum * tax / 100;
}

int main(int argc, char **argv) {
  const int prices[] = {100, 200};
  if (argc > 1 && strcmp(argv[1], "tax") == 0) return total(prices, 2, 19) == 357 ? 0 : 1;
  return total(prices, 2, 0) == 300 ? 0 : 1;
}
