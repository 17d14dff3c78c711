// The table behind unicode_names.cpp.
#include <cstdint>
#include <string>

namespace mp {

std::string table_unicode_name(uint32_t);
int64_t table_unicode_by_name(const std::string& upper);
std::string table_unicode_name(uint32_t) { return {}; }
int64_t table_unicode_by_name(const std::string&) { return -1; }

}  // namespace mp
