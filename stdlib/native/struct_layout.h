// The layout that a format of struct describes, and packing and unpacking by it. Not for other modules.
#pragma once
#include <memory>
#include <vector>

#include "vm/native/native.h"

namespace mp::structs {

struct Item {
  char code;
  int64_t offset;
  int64_t size;   // of one value (of the whole field for 's' and 'p')
  int64_t count;  // values
};

struct Layout {
  std::vector<Item> items;
  int64_t size = 0;
  int64_t values = 0;
  bool big_endian = false;
  bool native = true;  // '@': native sizes; the messages differ
};

// struct.error
Error raise_struct(Thread& t, const std::string& message);
Status make_error_class(Thread& t, Value* made);  // once in a runtime
// Of a str or bytes; the latest ones are kept.
Result<std::shared_ptr<const Layout>> get_layout(Thread& t, Value format);
void forget_layouts(Thread& t);

Result<Value> unpack_all(Thread& t, const Layout& layout, const uint8_t* data);
Result<Value> do_pack(Thread& t, const Layout& layout, const Value* values, size_t count);
Result<Value> do_pack_into(Thread& t, const Layout& layout, const Value* args, size_t count);
Result<Value> do_unpack(Thread& t, const Layout& layout, Value buffer);
Result<Value> do_unpack_from(Thread& t, const Layout& layout, Value buffer, Value offset_value);

}  // namespace mp::structs
