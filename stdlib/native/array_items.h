// The storage and the items of array.array: what array.cpp's methods stand on. `code` is one of kArrayCodes.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>

#include "vm/types/buffer.h"
#include "vm/types/runtime.h"

namespace mp {

struct ArrayObject : Object {
  std::atomic<ByteArrayCell*> cell{nullptr};
  std::atomic<uint64_t> size{0};    // items
  std::atomic<int32_t> exports{0};  // views that are out
  int64_t item_size = 1;
  char code = 'b';

  // Bytes of the items that a reader may touch.
  std::string_view view() const {
    ByteArrayCell* c = cell.load(std::memory_order_acquire);
    if (c == nullptr) return {};
    uint64_t bytes = std::min(size.load() * static_cast<uint64_t>(item_size), c->capacity);
    return {reinterpret_cast<const char*>(c->bytes()), bytes};
  }
  int64_t length() const { return static_cast<int64_t>(view().size()) / item_size; }
};

extern const TypeSpec kArraySpec;
inline constexpr std::string_view kArrayCodes = "bBuwhHiIlLqQfd";

bool is_array(Thread& t, Value v);
ArrayObject* make_array(Thread& t, Type* type, char code);
// Replaces items [at, at + removed) by `added` items of packed content. The lock is held.
Status array_splice(Thread& t, ArrayObject* a, int64_t at, int64_t removed, const char* content,
                    int64_t added);
// All the items, packed: at one moment, whoever changes the array meanwhile.
std::string array_content(Thread& t, ArrayObject* a);
// Copies item i; false where there is none. The lock is held.
bool array_read(const ArrayObject* a, int64_t i, uint8_t* out);
// Item i, or kNotFound where there is none (any more: another thread may have made the array shorter since
// its length was asked for).
Result<Value> array_item(Thread& t, ArrayObject* a, int64_t i);
// Between a value and the bytes of an item (at most 8). TypeError, OverflowError, ValueError.
Result<Value> array_unpack(Thread& t, const ArrayObject* a, const uint8_t* bytes);
Status array_pack(Thread& t, const ArrayObject* a, Value v, char* out);
Status array_append_value(Thread& t, ArrayObject* a, Value v);
Status array_append_bytes(Thread& t, ArrayObject* a, std::string_view content);
Status array_append_text(Thread& t, ArrayObject* a, StrObject* text);
Status array_extend_with(Thread& t, ArrayObject* a, Value source);

}  // namespace mp
