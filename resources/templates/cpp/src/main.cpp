#include <iostream>
#include <iterator>
#include <string>

#include "words.hpp"

int main() {
  const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  std::cout << count_words(text) << '\n';
}
