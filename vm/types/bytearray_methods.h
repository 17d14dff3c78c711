// The methods that only bytearray has. Not for other parts.
#pragma once
#include "vm/types/bytes_internal.h"

namespace mp {

Result<Value> bytearray_new(Thread& t, Value cls, const CallArgs& args);
Result<Value> bytearray_init(Thread& t, Value self, const CallArgs& args);
Result<Value> bytearray_append(Thread& t, const Value* args);
Result<Value> bytearray_clear(Thread& t, const Value* args);
Result<Value> bytearray_copy(Thread& t, const Value* args);
Result<Value> bytearray_extend(Thread& t, const Value* args);
Result<Value> bytearray_insert(Thread& t, const Value* args);
Result<Value> bytearray_pop(Thread& t, const Value* args);
Result<Value> bytearray_remove(Thread& t, const Value* args);
Result<Value> bytearray_reverse(Thread& t, const Value* args);
Result<Value> bytearray_alloc(Thread& t, const Value* args);
Result<Value> bytearray_reduce(Thread& t, const Value* args);
Result<Value> bytearray_reduce_ex(Thread& t, const Value* args);

}  // namespace mp
