// The methods that bytes and bytearray share, by name. Not for other parts.
#pragma once
#include "vm/types/bytes_internal.h"

namespace mp {

Result<Value> bytes_method_find(Thread& t, const Value* args);
Result<Value> bytes_method_rfind(Thread& t, const Value* args);
Result<Value> bytes_method_index(Thread& t, const Value* args);
Result<Value> bytes_method_rindex(Thread& t, const Value* args);
Result<Value> bytes_method_count(Thread& t, const Value* args);
Result<Value> bytes_method_startswith(Thread& t, const Value* args);
Result<Value> bytes_method_endswith(Thread& t, const Value* args);
Result<Value> bytes_method_split(Thread& t, const Value* args);
Result<Value> bytes_method_rsplit(Thread& t, const Value* args);
Result<Value> bytes_method_splitlines(Thread& t, const Value* args);
Result<Value> bytes_method_partition(Thread& t, const Value* args);
Result<Value> bytes_method_rpartition(Thread& t, const Value* args);
Result<Value> bytes_method_removeprefix(Thread& t, const Value* args);
Result<Value> bytes_method_removesuffix(Thread& t, const Value* args);
Result<Value> bytes_method_strip(Thread& t, const Value* args);
Result<Value> bytes_method_lstrip(Thread& t, const Value* args);
Result<Value> bytes_method_rstrip(Thread& t, const Value* args);
Result<Value> bytes_method_replace(Thread& t, const Value* args);
Result<Value> bytes_method_join(Thread& t, const Value* args);
Result<Value> bytes_method_decode(Thread& t, const Value* args);
Result<Value> bytes_method_hex(Thread& t, const Value* args);
Result<Value> bytes_method_fromhex(Thread& t, const Value* args);
Result<Value> bytes_method_maketrans(Thread& t, const Value* args);
Result<Value> bytes_method_translate(Thread& t, const Value* args);
Result<Value> bytes_method_ljust(Thread& t, const Value* args);
Result<Value> bytes_method_rjust(Thread& t, const Value* args);
Result<Value> bytes_method_center(Thread& t, const Value* args);
Result<Value> bytes_method_zfill(Thread& t, const Value* args);
Result<Value> bytes_method_expandtabs(Thread& t, const Value* args);
Result<Value> bytes_method_lower(Thread& t, const Value* args);
Result<Value> bytes_method_upper(Thread& t, const Value* args);
Result<Value> bytes_method_swapcase(Thread& t, const Value* args);
Result<Value> bytes_method_title(Thread& t, const Value* args);
Result<Value> bytes_method_capitalize(Thread& t, const Value* args);
Result<Value> bytes_method_isalpha(Thread& t, const Value* args);
Result<Value> bytes_method_isdigit(Thread& t, const Value* args);
Result<Value> bytes_method_isalnum(Thread& t, const Value* args);
Result<Value> bytes_method_isspace(Thread& t, const Value* args);
Result<Value> bytes_method_isascii(Thread& t, const Value* args);
Result<Value> bytes_method_islower(Thread& t, const Value* args);
Result<Value> bytes_method_isupper(Thread& t, const Value* args);
Result<Value> bytes_method_istitle(Thread& t, const Value* args);

// The arguments of bytes.hex(sep, bytes_per_sep), which may be script code's: read before any content is.
struct HexGroups {
  char separator = 0;
  int64_t size = 0;  // 0: no groups; positive: counted from the right
};
Result<HexGroups> hex_groups(Thread& t, Value separator, Value per_group);
enum class HexType : uint8_t { Str, Bytes };
Result<Value> hex_text(Thread& t, std::string_view content, HexGroups groups, HexType type);
Status bytes_fromhex(Thread& t, Value text, std::string& out);
Result<Value> bytes_new(Thread& t, Value cls, const CallArgs& args);

}  // namespace mp
