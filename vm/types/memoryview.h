// MemoryViewObject: a window on an exporter's memory, with format, shape and strides. Items are read and
// written by their struct code.
#pragma once
#include "vm/types/buffer.h"

namespace mp {

struct MemoryViewObject : Object {
  Slot owner;
  Slot format;  // str
  const void* cell = nullptr;
  uint8_t* data = nullptr;
  const BufferProcs* procs = nullptr;
  int64_t size = 0, item_size = 1;
  std::atomic<int64_t> hash{-1};
  int16_t dimensions = 1;
  std::atomic<bool> released{false};
  bool read_only = true;
  std::atomic<int32_t> users{1};  // of the exporter's memory: this view until it is released, each ViewInUse
  // shape, then strides follow
  int64_t* shape() { return reinterpret_cast<int64_t*>(this + 1); }
  int64_t* strides() { return shape() + dimensions; }
  char code() const {  // of a native single-character format, else 0
    auto* f = format.get().as<StrObject>();
    size_t at = f->length() == 2 && f->at(0) == '@' ? 1 : 0;
    return f->length() - at == 1 ? static_cast<char>(f->at(at)) : 0;
  }
};

// Sizes of the native codes of the struct module; 0 for an unknown code.
int64_t native_item_size(char code);
// Unaligned access to one native item. `code` is one of the native codes.
Result<Value> unpack_native(Thread& t, char code, const uint8_t* data);
// Raises TypeError "memoryview: invalid type for format 'B'" or ValueError "memoryview: invalid value for
// format 'B'".
Status pack_native(Thread& t, char code, uint8_t* data, Value v);

}  // namespace mp
