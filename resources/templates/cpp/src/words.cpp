#include "words.hpp"

#include <cctype>

std::size_t count_words(std::string_view text) {
  std::size_t count = 0;
  bool inside = false;
  for (const unsigned char letter : text) {
    const bool space = std::isspace(letter) != 0;
    if (!space && !inside) ++count;
    inside = !space;
  }
  return count;
}
