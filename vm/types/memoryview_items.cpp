// Reading and writing single items of native struct formats.
#include <cmath>
#include <cstring>

#include "vm/protocol/protocol.h"
#include "vm/types/half_float.h"
#include "vm/types/memoryview.h"
#include "vm/types/number.h"
#include "vm/types/type.h"

namespace mp {

int64_t native_item_size(char code) {
  switch (code) {
    case 'c':
    case 'b':
    case 'B':
    case '?': return 1;
    case 'h':
    case 'H':
    case 'e': return 2;
    case 'i':
    case 'I':
    case 'f': return 4;
    case 'l':
    case 'L':
    case 'q':
    case 'Q':
    case 'n':
    case 'N':
    case 'P':
    case 'd': return 8;
    default: return 0;
  }
}

template <class T>
static T load(const uint8_t* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

Result<Value> unpack_native(Thread& t, char code, const uint8_t* p) {
  switch (code) {
    case 'c': return str_or_error(make_bytes(t, {reinterpret_cast<const char*>(p), 1}));
    case 'b': return Value::from_int(static_cast<int8_t>(*p));
    case 'B': return Value::from_int(*p);
    case '?': return Value::from_bool(*p != 0);
    case 'h': return Value::from_int(load<int16_t>(p));
    case 'H': return Value::from_int(load<uint16_t>(p));
    case 'i': return Value::from_int(load<int32_t>(p));
    case 'I': return Value::from_int(load<uint32_t>(p));
    case 'l':
    case 'q':
    case 'n': return make_int(t, load<int64_t>(p));
    case 'L':
    case 'Q':
    case 'N':
    case 'P': return make_int_unsigned(t, load<uint64_t>(p));
    case 'f': return make_float(t, static_cast<double>(load<float>(p)));
    case 'd': return make_float(t, load<double>(p));
    default: return make_float(t, half_to_double(load<uint16_t>(p)));
  }
}

Status pack_native(Thread& t, char code, uint8_t* p, Value v) {
  auto wrong_type = [&] { return t.raise(Exc::TypeError, "memoryview: invalid type for format '{}'", code); };
  auto wrong_value = [&] {
    return t.raise(Exc::ValueError, "memoryview: invalid value for format '{}'", code);
  };
  switch (code) {
    case 'c':
      if (!is_bytes(v)) return wrong_type();
      if (v.as<BytesObject>()->size != 1) return wrong_value();
      *p = v.as<BytesObject>()->data()[0];
      return {};
    case '?': *p = TRY(truth(t, v)) ? 1 : 0; return {};
    case 'f':
    case 'd':
    case 'e': {
      Result<double> d = to_double(t, v);
      if (d.is_error()) {
        if (t.catch_exception(Exc::TypeError)) return wrong_type();
        return Error{};
      }
      double value = d.value();
      if (code == 'd') {
        std::memcpy(p, &value, 8);
      } else if (code == 'f') {
        auto narrow = static_cast<float>(value);
        std::memcpy(p, &narrow, 4);
      } else {
        uint16_t half;
        if (!double_to_half(value, &half)) return wrong_value();
        std::memcpy(p, &half, 2);
      }
      return {};
    }
    default: break;
  }
  Result<Value> index = to_index(t, v);
  if (index.is_error()) {
    if (t.catch_exception(Exc::TypeError)) return wrong_type();
    return Error{};
  }
  auto size = static_cast<size_t>(native_item_size(code));
  bool is_signed = code >= 'a' && code <= 'z';
  int64_t i = 0;
  if (int_to_int64(index.value(), &i)) {
    if (is_signed) {
      int64_t limit = size == 8 ? INT64_MAX : (int64_t{1} << (size * 8 - 1)) - 1;
      if (i > limit || i < -limit - 1) return wrong_value();
    } else {
      if (i < 0 || (size < 8 && i >> (size * 8) != 0)) return wrong_value();
    }
    std::memcpy(p, &i, size);
    return {};
  }
  IntView big(index.value());
  if (is_signed || size != 8 || mpz_sgn(big.get()) < 0 || mpz_sizeinbase(big.get(), 2) > 64)
    return wrong_value();
  uint64_t u = mpz_get_ui(big.get());
  std::memcpy(p, &u, 8);
  return {};
}

}  // namespace mp
