// How arrays are pickled: the items as bytes plus a code for the machine format they are in, so that a pickle
// travels between machines of different word sizes and byte orders.
#include <bit>
#include <cstring>

#include "vm/modules/modules.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

// CPython's machine format codes by their numbers: the struct format, or for text the codec.
struct MachineFormat {
  const char* format;  // "<H"
  const char* codec = nullptr;
  int item_size;
};
constexpr MachineFormat kFormats[] = {
    {"B", nullptr, 1},    {"b", nullptr, 1},   {"<H", nullptr, 2}, {">H", nullptr, 2},   {"<h", nullptr, 2},
    {">h", nullptr, 2},   {"<I", nullptr, 4},  {">I", nullptr, 4}, {"<i", nullptr, 4},   {">i", nullptr, 4},
    {"<Q", nullptr, 8},   {">Q", nullptr, 8},  {"<q", nullptr, 8}, {">q", nullptr, 8},   {"<f", nullptr, 4},
    {">f", nullptr, 4},   {"<d", nullptr, 8},  {">d", nullptr, 8}, {"", "utf-16-le", 2}, {"", "utf-16-be", 2},
    {"", "utf-32-le", 4}, {"", "utf-32-be", 4}};

int machine_format(char code, int64_t item_size) {
  const int big = std::endian::native == std::endian::big;
  switch (code) {
    case 'b': return 1;
    case 'B': return 0;
    case 'f': return 14 + big;
    case 'd': return 16 + big;
    case 'u':
    case 'w': return 20 + big;
    default: break;
  }
  bool is_signed = code >= 'a';
  int base = item_size == 2 ? 2 : item_size == 4 ? 6 : 10;
  return base + (is_signed ? 2 : 0) + big;
}

Result<Value> items_of(Thread& t, const MachineFormat& format, BytesObject* content) {
  if (format.codec != nullptr)
    return call_method(t, content, t.names().decode, {Value(make_str(t, format.codec))});
  Value values = make_list(t, 0);
  Value rows = TRY(call(t, TRY(get_attr(t, TRY(import_module(t, "_struct")), "iter_unpack")),
                        {Value(make_str(t, format.format)), Value(content)}));
  for (;;) {
    Value row = TRY(iter_next(t, rows));
    if (row.is_no_more()) return values;
    TRY(list_append(t, values.as<ListObject>(), (*row.as<TupleObject>())[0]));
  }
}

Result<Value> reconstruct(Thread& t, const Value* args) {
  Value array = TRY(get_attr(t, TRY(import_module(t, "array")), "array"));
  if (!is_type(args[0]))
    return t.raise(Exc::TypeError, "first argument must be a type object, not {}", type_name(t, args[0]));
  if (!is_subtype(args[0].as<Type>(), array.as<Type>()))
    return t.raise(Exc::TypeError, "{} is not a subtype of array.array", type_name(args[0].as<Type>()));
  if (!is_str(args[1]) || args[1].as<StrObject>()->length() != 1)
    return t.raise(Exc::TypeError, "_array_reconstructor() argument 2 must be a unicode character, not {}",
                   type_name(t, args[1]));
  uint32_t code = args[1].as<StrObject>()->at(0);
  if (code > 127 || std::strchr("bBuwhHiIlLqQfd", static_cast<int>(code)) == nullptr || code == 0)
    return t.raise(Exc::ValueError, "second argument must be a valid type code");
  int64_t number = TRY(to_int64(t, args[2]));
  if (number < 0 || number >= static_cast<int64_t>(std::size(kFormats)))
    return t.raise(Exc::ValueError, "third argument must be a valid machine format code.");
  if (!is_bytes(args[3]))
    return t.raise(Exc::TypeError, "fourth argument should be bytes, not {}", type_name(t, args[3]));
  const MachineFormat& format = kFormats[number];
  auto* content = args[3].as<BytesObject>();
  if (content->size % static_cast<size_t>(format.item_size) != 0)
    return t.raise(Exc::ValueError, "bytes length not a multiple of item size");
  return call(t, args[0], {args[1], TRY(items_of(t, format, content))});
}

}  // namespace

Result<Value> array_reduce_ex(Thread& t, const Value* args) {
  Value self = args[0], code = TRY(get_attr(t, self, "typecode"));
  Value state = TRY(get_attr_or_not_found(t, self, t.names().__dict__));
  if (state.is_not_found()) state = kNone;
  if (TRY(to_int64(t, args[1])) < 3) {
    Value list = TRY(call_method(t, self, intern(t, "tolist")));
    return Value(make_tuple(t, {Value(type_of(t, self)), Value(make_tuple(t, {code, list})), state}));
  }
  Value maker = TRY(get_attr(t, TRY(import_module(t, "array")), "_array_reconstructor"));
  int64_t item_size = TRY(to_int64(t, TRY(get_attr(t, self, "itemsize"))));
  int format = machine_format(static_cast<char>(code.as<StrObject>()->at(0)), item_size);
  Value bytes = TRY(call_method(t, self, intern(t, "tobytes")));
  Value arguments = make_tuple(t, {Value(type_of(t, self)), code, Value::from_int(format), bytes});
  return Value(make_tuple(t, {maker, arguments, state}));
}

extern const NativeDef kArrayFunctions[];
const NativeDef kArrayFunctions[] = {
    MP_FUNCTION(reconstruct, "_array_reconstructor(arraytype, typecode, mformat_code, items, /)",
                "Internal. Used for pickling support."),
    MP_END};

}  // namespace mp
