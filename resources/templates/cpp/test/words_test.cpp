#include <cstdlib>
#include <iostream>
#include <string_view>

#include "words.hpp"

static int failures = 0;

static void expect(std::string_view text, std::size_t wanted) {
  const auto found = count_words(text);
  if (found == wanted) return;
  std::cerr << '"' << text << "\": " << found << " and not " << wanted << '\n';
  ++failures;
}

int main() {
  expect("", 0);
  expect("one", 1);
  expect("  two\n words ", 2);
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
