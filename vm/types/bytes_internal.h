// What the files of bytes and bytearray share. Not for other parts.
#pragma once
#include "vm/native/native.h"
#include "vm/types/buffer.h"
#include "vm/types/str_internal.h"

namespace mp {

// The content of a bytearray: without a GIL a copy of one moment, for other threads may change it while it is
// read.
std::string_view bytearray_content(Thread& t, ByteArrayObject* b);
// The content of a bytes or bytearray receiver.
inline std::string_view self_bytes(Thread& t, Value self) {
  return is_bytes(self) ? self.as<BytesObject>()->view() : bytearray_content(t, self.as<ByteArrayObject>());
}
inline size_t self_size(Value self) {
  return is_bytes(self) ? self.as<BytesObject>()->view().size() : self.as<ByteArrayObject>()->length();
}
// The byte at `i` of a bytes or bytearray, -1 past its end.
int byte_at(Thread& t, Value self, uint64_t i);
// A bytearray whose content the caller writes; nullptr: MemoryError is raised.
ByteArrayObject* allocate_bytearray(Thread& t, size_t size);
// A new object of the receiver's builtin type.
Result<Value> bytes_like_self(Thread& t, Value self, std::string_view content);
// The same with `size` bytes at `data` for the caller to write; null: MemoryError is raised.
struct BytesRoom {
  BytesRoom(Thread& t, Value self, size_t size);
  Value made;
  uint8_t* data = nullptr;
};
// The receiver itself when it is an exact bytes, else a copy.
Result<Value> bytes_unchanged(Thread& t, Value self);

std::string bytes_repr_text(std::string_view content,
                            bool escape_single = false);  // b'..'; bytearray escapes every '
// One byte given as an int: ValueError when out of range (`what`: "byte" or "bytes").
Result<uint8_t> byte_value(Thread& t, Value v, const char* message);
// bytes(source, encoding, errors): the content of the new object.
Status bytes_from_source(Thread& t, Value source, Value encoding, Value errors, const char* type,
                         std::string& out);
// The three optional arguments of bytes() and bytearray().
Status bytes_new_args(Thread& t, const char* type, const CallArgs& args, Value* values);
Result<Value> bytes_compare(Thread& t, Value left, Value right, CompareOp op);
Result<bool> bytes_contains(Thread& t, Value self, Value item);

extern const NativeDef kBytesMethods[];  // bytes_table.cpp
extern const NativeDef kByteArrayMethods[];

}  // namespace mp
