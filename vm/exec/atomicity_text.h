// The parts of an expression's text, without needless blanks: which variable it names.
#pragma once
#include <string>
#include <string_view>
#include <utility>

namespace mp::atomicity {

// "f.items" -> "f"; "D['k']" -> "D": what the last name or the last subscript is taken of.
std::string_view receiver_of(std::string_view expression);
// "'k'not in d" -> "'k'", "d"; empty when it is no such test.
std::pair<std::string, std::string> split_at_in(const std::string& test);
// Of "d.get(k, 0)", a call of "d.get": "k"; empty: there is none.
std::string first_argument(std::string_view call, std::string_view function);

}  // namespace mp::atomicity
