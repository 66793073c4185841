#pragma once

#include <cstddef>
#include <string_view>

/// How many words a text has, separated by white space.
std::size_t count_words(std::string_view text);
