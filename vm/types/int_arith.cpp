// Arithmetic of ints of any size: + - * // % << >>. Results are computed by GMP's limb functions right in the
// new object, without a temporary number.
#include <algorithm>
#include <cstring>

#include "vm/os/memory.h"
#include "vm/protocol/protocol.h"
#include "vm/types/int_limbs.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

// Before an operation whose result and GMP's scratch take up to `factor` times so many limbs: GMP and NewInt
// end the process where they find no memory.
bool has_room_for(size_t limbs, size_t factor) {
  constexpr size_t kFew = 16 * 1024;
  return limbs < kFew || os::has_room(limbs * sizeof(mp_limb_t) * factor);
}

// An int under construction: room for `capacity` limbs, of which finish() keeps what is significant.
class NewInt {
 public:
  NewInt(Thread& t, size_t capacity) : thread_(t), capacity_(capacity) {
    if (capacity <= kLocal) {
      limbs_ = local_;
    } else {
      object_ = t.heap().make<IntObject>(t, t.types().int_, capacity * sizeof(mp_limb_t));
      limbs_ = object_->limbs();
    }
  }
  mp_limb_t* limbs() { return limbs_; }
  Value finish(bool negative) { return finish(capacity_, negative); }
  Value finish(size_t count, bool negative) {
    while (count > 0 && limbs_[count - 1] == 0) --count;
    if (count <= 1) {
      uint64_t magnitude = count == 0 ? 0 : limbs_[0];
      if (magnitude <= static_cast<uint64_t>(Value::kMaxInt)) {
        auto i = static_cast<int64_t>(magnitude);
        return Value::from_int(negative ? -i : i);
      }
      if (negative && magnitude == uint64_t{1} << 62) return Value::from_int(Value::kMinInt);
    }
    IntObject* object = object_;
    // A result much shorter than its room (a difference, a remainder) moves into a cell of its own.
    if (object == nullptr || count * 2 < capacity_) {
      object = thread_.heap().make<IntObject>(thread_, thread_.types().int_, count * sizeof(mp_limb_t));
      std::memcpy(object->limbs(), limbs_, count * sizeof(mp_limb_t));
    }
    object->size = negative ? -static_cast<int64_t>(count) : static_cast<int64_t>(count);
    return object;
  }

 private:
  static constexpr size_t kLocal = 32;
  Thread& thread_;
  size_t capacity_;
  IntObject* object_ = nullptr;
  mp_limb_t* limbs_;
  mp_limb_t local_[kLocal];
};

// x + y, where y counts as negative if `y_negative` says so.
Value add_signed(Thread& t, const LimbView& x, const LimbView& y, bool y_negative) {
  const LimbView& longer = x.count >= y.count ? x : y;
  const LimbView& shorter = x.count >= y.count ? y : x;
  if (shorter.count == 0) {
    NewInt out(t, longer.count);
    std::memcpy(out.limbs(), longer.data, longer.count * sizeof(mp_limb_t));
    return out.finish(&longer == &x ? x.negative : y_negative);
  }
  if (x.negative == y_negative) {
    NewInt out(t, longer.count + 1);
    out.limbs()[longer.count] = mpn_add(out.limbs(), longer.data, longer.count, shorter.data, shorter.count);
    return out.finish(x.negative);
  }
  bool swapped = &longer == &y;
  if (longer.count == shorter.count && mpn_cmp(longer.data, shorter.data, longer.count) < 0) {
    NewInt out(t, longer.count);
    mpn_sub_n(out.limbs(), shorter.data, longer.data, longer.count);
    return out.finish(swapped ? x.negative : y_negative);
  }
  NewInt out(t, longer.count);
  mpn_sub(out.limbs(), longer.data, longer.count, shorter.data, shorter.count);
  return out.finish(swapped ? y_negative : x.negative);
}

// Floor division of numbers of one sign, y not zero: the magnitudes divide as they are. Either out may be
// null.
void divide_same_sign(Thread& t, const LimbView& x, const LimbView& y, Value* quotient, Value* remainder) {
  if (x.count < y.count) {
    if (quotient != nullptr) *quotient = Value::from_int(0);
    if (remainder != nullptr) {
      NewInt out(t, x.count);
      std::memcpy(out.limbs(), x.data, x.count * sizeof(mp_limb_t));
      *remainder = out.finish(x.negative);
    }
    return;
  }
  NewInt q(t, x.count - y.count + 1), r(t, y.count);
  if (y.count == 1)
    r.limbs()[0] = mpn_divrem_1(q.limbs(), 0, x.data, x.count, y.data[0]);
  else
    mpn_tdiv_qr(q.limbs(), r.limbs(), 0, x.data, x.count, y.data, y.count);
  if (quotient != nullptr) *quotient = q.finish(false);
  if (remainder != nullptr) *remainder = r.finish(x.negative);
}

}  // namespace

bool int_is_zero(Value v) { return int_sign(v) == 0; }
int int_sign(Value v) {
  if (v.is_int()) return v.as_int() < 0 ? -1 : v.as_int() > 0;
  if (v.is_bool()) return v.is_true();
  int64_t size = v.as<IntObject>()->size;
  return size < 0 ? -1 : size > 0;
}

Result<Value> int_add(Thread& t, Value a, Value b) {
  if (a.is_int() && b.is_int()) return make_int(t, a.as_int() + b.as_int());
  LimbView x(a), y(b);
  if (!has_room_for(std::max(x.count, y.count), 2)) return t.raise_memory_error();
  return add_signed(t, x, y, y.negative);
}

Result<Value> int_sub(Thread& t, Value a, Value b) {
  if (a.is_int() && b.is_int()) return make_int(t, a.as_int() - b.as_int());
  LimbView x(a), y(b);
  if (!has_room_for(std::max(x.count, y.count), 2)) return t.raise_memory_error();
  return add_signed(t, x, y, !y.negative);
}

Result<Value> int_mul(Thread& t, Value a, Value b) {
  if (a.is_int() && b.is_int()) {
    int64_t product;
    if (!__builtin_mul_overflow(a.as_int(), b.as_int(), &product)) return make_int(t, product);
  }
  LimbView x(a), y(b);
  if (x.count == 0 || y.count == 0) return Value::from_int(0);
  if (x.count + y.count > kMaxIntLimbs) return t.raise_memory_error();
  if (!has_room_for(x.count + y.count, 6)) return t.raise_memory_error();
  NewInt out(t, x.count + y.count);
  if (y.count == 1)
    out.limbs()[x.count] = mpn_mul_1(out.limbs(), x.data, x.count, y.data[0]);
  else if (x.count == 1)
    out.limbs()[y.count] = mpn_mul_1(out.limbs(), y.data, y.count, x.data[0]);
  else if (x.data == y.data)
    mpn_sqr(out.limbs(), x.data, x.count);
  else if (x.count >= y.count)
    mpn_mul(out.limbs(), x.data, x.count, y.data, y.count);
  else
    mpn_mul(out.limbs(), y.data, y.count, x.data, x.count);
  return out.finish(x.negative != y.negative);
}

Result<Value> int_floordiv(Thread& t, Value a, Value b) {
  if (int_is_zero(b)) return t.raise(Exc::ZeroDivisionError, "integer division or modulo by zero");
  if (a.is_int() && b.is_int()) {
    int64_t x = a.as_int(), y = b.as_int(), q = x / y;
    if (x % y != 0 && ((x < 0) != (y < 0))) --q;
    return make_int(t, q);
  }
  {
    LimbView x(a), y(b);
    if (!has_room_for(x.count + y.count, 4)) return t.raise_memory_error();
    if (x.negative == y.negative) {
      Value q;
      divide_same_sign(t, x, y, &q, nullptr);
      return q;
    }
  }
  IntView x(a), y(b);
  Mpz r;
  mpz_fdiv_q(r, x.get(), y.get());
  return make_int_mpz(t, r);
}

Result<Value> int_mod(Thread& t, Value a, Value b) {
  if (int_is_zero(b)) return t.raise(Exc::ZeroDivisionError, "integer modulo by zero");
  if (a.is_int() && b.is_int()) {
    int64_t x = a.as_int(), y = b.as_int(), r = x % y;
    if (r != 0 && ((r < 0) != (y < 0))) r += y;
    return Value::from_int(r);
  }
  {
    LimbView x(a), y(b);
    if (!has_room_for(x.count + y.count, 4)) return t.raise_memory_error();
    if (x.negative == y.negative) {
      Value r;
      divide_same_sign(t, x, y, nullptr, &r);
      return r;
    }
  }
  IntView x(a), y(b);
  Mpz r;
  mpz_fdiv_r(r, x.get(), y.get());
  return make_int_mpz(t, r);
}

Result<Value> int_lshift(Thread& t, Value a, Value b) {
  if (int_sign(b) < 0) return t.raise(Exc::ValueError, "negative shift count");
  if (int_is_zero(a)) return Value::from_int(0);
  int64_t count;
  if (!int_to_int64(b, &count)) return t.raise(Exc::OverflowError, "too many digits in integer");
  if (a.is_int() && count < 62) {
    int64_t x = a.as_int(), shifted = static_cast<int64_t>(static_cast<uint64_t>(x) << count);
    if (shifted >> count == x) return make_int(t, shifted);
  }
  LimbView x(a);
  size_t words = static_cast<uint64_t>(count) / 64;
  if (words + x.count > kMaxIntLimbs || !has_room_for(words + x.count, 2)) return t.raise_memory_error();
  NewInt out(t, words + x.count + 1);
  std::memset(out.limbs(), 0, words * sizeof(mp_limb_t));
  mp_limb_t* to = out.limbs() + words;
  if (unsigned bits = static_cast<unsigned>(count % 64)) {
    to[x.count] = mpn_lshift(to, x.data, x.count, bits);
  } else {
    std::memcpy(to, x.data, x.count * sizeof(mp_limb_t));
    to[x.count] = 0;
  }
  return out.finish(x.negative);
}

Result<Value> int_rshift(Thread& t, Value a, Value b) {
  if (int_sign(b) < 0) return t.raise(Exc::ValueError, "negative shift count");
  int64_t count;
  if (!int_to_int64(b, &count)) return Value::from_int(int_sign(a) < 0 ? -1 : 0);
  if (a.is_int()) return Value::from_int(count > 62 ? (a.as_int() < 0 ? -1 : 0) : a.as_int() >> count);
  if (!has_room_for(LimbView(a).count, 2)) return t.raise_memory_error();
  if (int_sign(a) < 0) {  // rounds down: let GMP look at the bits that fall out
    IntView x(a);
    Mpz r;
    mpz_fdiv_q_2exp(r, x.get(), static_cast<mp_bitcnt_t>(count));
    return make_int_mpz(t, r);
  }
  LimbView x(a);
  size_t words = static_cast<uint64_t>(count) / 64;
  if (words >= x.count) return Value::from_int(0);
  NewInt out(t, x.count - words);
  if (unsigned bits = static_cast<unsigned>(count % 64))
    mpn_rshift(out.limbs(), x.data + words, x.count - words, bits);
  else
    std::memcpy(out.limbs(), x.data + words, (x.count - words) * sizeof(mp_limb_t));
  return out.finish(false);
}

}  // namespace mp
