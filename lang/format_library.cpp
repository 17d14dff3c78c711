// fmt, compiled once. Debian has its headers and a shared library but no archive, and a start loads no shared
// library it can do without; compiled into every file, it took two thirds of the build's time.
#include <fmt/format-inl.h>

// Its headers declare these two and leave them to the library.
FMT_BEGIN_NAMESPACE
namespace detail {
template auto thousands_sep_impl<char>(locale_ref) -> thousands_sep_result<char>;
template auto decimal_point_impl<char>(locale_ref) -> char;
}  // namespace detail
FMT_END_NAMESPACE
