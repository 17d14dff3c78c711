// The method tables of bytes and bytearray.
#include "vm/types/bytearray_methods.h"
#include "vm/types/bytes_methods.h"
#include "vm/types/runtime.h"

namespace mp {

static Result<Value> bytes_method_bytes(Thread& t, const Value* args) { return bytes_unchanged(t, args[0]); }
static Result<Value> bytes_method_getnewargs(Thread& t, const Value* args) {
  return Value(make_tuple(t, {TRY(bytes_unchanged(t, args[0]))}));
}
static Result<Value> bytes_method_sizeof(Thread&, const Value* args) {
  return Value::from_int(static_cast<int64_t>(sizeof(BytesObject) + self_size(args[0]) + 1));
}
static Result<Value> bytes_method_buffer(Thread& t, const Value* args) { return make_memoryview(t, args[0]); }

// clang-format off
#define MP_SHARED_BYTES_METHODS \
    MP_METHOD(bytes_method_capitalize, "capitalize(self, /)", nullptr), \
    MP_METHOD(bytes_method_center, "center(self, width, fillchar=?, /)", nullptr), \
    MP_METHOD(bytes_method_count, "count(self, sub, start=?, end=?, /)", nullptr), \
    MP_METHOD(bytes_method_decode, "decode(self, /, encoding=?, errors=?)", "Decode the bytes using the codec registered for encoding."), \
    MP_METHOD(bytes_method_endswith, "endswith(self, suffix, start=?, end=?, /)", nullptr), \
    MP_METHOD(bytes_method_expandtabs, "expandtabs(self, /, tabsize=8)", nullptr), \
    MP_METHOD(bytes_method_find, "find(self, sub, start=?, end=?, /)", "Return the lowest index where the subsection is found, or -1 on failure."), \
    MP_CLASS_METHOD(bytes_method_fromhex, "fromhex(cls, string, /)", "Create a bytes object from a string of hexadecimal numbers."), \
    MP_METHOD(bytes_method_hex, "hex(self, sep=?, bytes_per_sep=1)", "Create a string of hexadecimal numbers from a bytes object."), \
    MP_METHOD(bytes_method_index, "index(self, sub, start=?, end=?, /)", nullptr), \
    MP_METHOD(bytes_method_isalnum, "isalnum(self, /)", nullptr), \
    MP_METHOD(bytes_method_isalpha, "isalpha(self, /)", nullptr), \
    MP_METHOD(bytes_method_isascii, "isascii(self, /)", nullptr), \
    MP_METHOD(bytes_method_isdigit, "isdigit(self, /)", nullptr), \
    MP_METHOD(bytes_method_islower, "islower(self, /)", nullptr), \
    MP_METHOD(bytes_method_isspace, "isspace(self, /)", nullptr), \
    MP_METHOD(bytes_method_istitle, "istitle(self, /)", nullptr), \
    MP_METHOD(bytes_method_isupper, "isupper(self, /)", nullptr), \
    MP_METHOD(bytes_method_join, "join(self, iterable_of_bytes, /)", "Concatenate any number of bytes objects."), \
    MP_METHOD(bytes_method_ljust, "ljust(self, width, fillchar=?, /)", nullptr), \
    MP_METHOD(bytes_method_lower, "lower(self, /)", nullptr), \
    MP_METHOD(bytes_method_lstrip, "lstrip(self, bytes=None, /)", nullptr), \
    MP_STATIC_METHOD(bytes_method_maketrans, "maketrans(frm, to, /)", "Return a translation table usable for the bytes or bytearray translate method."), \
    MP_METHOD(bytes_method_partition, "partition(self, sep, /)", nullptr), \
    MP_METHOD(bytes_method_removeprefix, "removeprefix(self, prefix, /)", nullptr), \
    MP_METHOD(bytes_method_removesuffix, "removesuffix(self, suffix, /)", nullptr), \
    MP_METHOD(bytes_method_replace, "replace(self, old, new, count=-1, /)", "Return a copy with all occurrences of substring old replaced by new."), \
    MP_METHOD(bytes_method_rfind, "rfind(self, sub, start=?, end=?, /)", nullptr), \
    MP_METHOD(bytes_method_rindex, "rindex(self, sub, start=?, end=?, /)", nullptr), \
    MP_METHOD(bytes_method_rjust, "rjust(self, width, fillchar=?, /)", nullptr), \
    MP_METHOD(bytes_method_rpartition, "rpartition(self, sep, /)", nullptr), \
    MP_METHOD(bytes_method_rsplit, "rsplit(self, /, sep=None, maxsplit=-1)", nullptr), \
    MP_METHOD(bytes_method_rstrip, "rstrip(self, bytes=None, /)", nullptr), \
    MP_METHOD(bytes_method_split, "split(self, /, sep=None, maxsplit=-1)", "Return a list of the sections in the bytes, using sep as the delimiter."), \
    MP_METHOD(bytes_method_splitlines, "splitlines(self, /, keepends=False)", nullptr), \
    MP_METHOD(bytes_method_startswith, "startswith(self, prefix, start=?, end=?, /)", nullptr), \
    MP_METHOD(bytes_method_strip, "strip(self, bytes=None, /)", "Strip leading and trailing bytes contained in the argument."), \
    MP_METHOD(bytes_method_swapcase, "swapcase(self, /)", nullptr), \
    MP_METHOD(bytes_method_title, "title(self, /)", nullptr), \
    MP_METHOD(bytes_method_translate, "translate(self, table, /, delete=?)", "Return a copy with each character mapped by the given translation table."), \
    MP_METHOD(bytes_method_upper, "upper(self, /)", nullptr), \
    MP_METHOD(bytes_method_zfill, "zfill(self, width, /)", nullptr),
// clang-format on

const NativeDef kBytesMethods[] = {
    MP_RAW_NEW(bytes_new, "__new__(cls, source=b'', encoding='utf-8', errors='strict')", nullptr),
    MP_SHARED_BYTES_METHODS MP_METHOD(bytes_method_bytes, "__bytes__(self, /)",
                                      "Convert this value to exact type bytes."),
    MP_METHOD(bytes_method_getnewargs, "__getnewargs__(self, /)", nullptr),
    MP_METHOD(bytes_method_buffer, "__buffer__(self, flags, /)",
              "Return a buffer object that exposes the underlying memory of the object."),
    MP_METHOD(bytes_method_sizeof, "__sizeof__(self, /)", nullptr),
    MP_END};

const NativeDef kByteArrayMethods[] = {
    MP_RAW_NEW(bytearray_new, "__new__(cls, source=b'', encoding='utf-8', errors='strict')", nullptr),
    MP_RAW_METHOD(bytearray_init, "__init__(self, source=b'', encoding='utf-8', errors='strict')", nullptr),
    MP_SHARED_BYTES_METHODS MP_METHOD(bytearray_append, "append(self, item, /)",
                                      "Append a single item to the end of the bytearray."),
    MP_METHOD(bytearray_clear, "clear(self, /)", "Remove all items from the bytearray."),
    MP_METHOD(bytearray_copy, "copy(self, /)", "Return a copy of B."),
    MP_METHOD(bytearray_extend, "extend(self, iterable_of_ints, /)",
              "Append all the items from the iterator or sequence to the end of the bytearray."),
    MP_METHOD(bytearray_insert, "insert(self, index, item, /)",
              "Insert a single item into the bytearray before the given index."),
    MP_METHOD(bytearray_pop, "pop(self, index=-1, /)", "Remove and return a single item from B."),
    MP_METHOD(bytearray_remove, "remove(self, value, /)",
              "Remove the first occurrence of a value in the bytearray."),
    MP_METHOD(bytearray_reverse, "reverse(self, /)", "Reverse the order of the values in B in place."),
    MP_METHOD(bytearray_alloc, "__alloc__(self, /)", "Return the number of bytes actually allocated."),
    MP_METHOD(bytearray_reduce, "__reduce__(self, /)", "Return state information for pickling."),
    MP_METHOD(bytearray_reduce_ex, "__reduce_ex__(self, proto=0, /)",
              "Return state information for pickling."),
    MP_METHOD(bytes_method_buffer, "__buffer__(self, flags, /)",
              "Return a buffer object that exposes the underlying memory of the object."),
    MP_METHOD(bytes_method_sizeof, "__sizeof__(self, /)", nullptr),
    MP_END};

}  // namespace mp
