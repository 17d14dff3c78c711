// Decimals from and to Python's other values: int, float, str, tuple; hash.
#include <cmath>

#include "stdlib/native/decimal.h"
#include "vm/types/number_convert.h"
#include "vm/types/unicode.h"

namespace mp::decimal {

namespace {

// The text of a number as ASCII, digits and blanks of any script included; what is no part of a number
// becomes empty. Exact conversion takes blanks around it and underscores in it.
std::string ascii_text(StrObject* s, bool lenient) {
  size_t begin = 0, end = s->length();
  if (lenient) {
    while (end > 0 && unicode::is_space(s->at(end - 1))) --end;
    while (begin < end && unicode::is_space(s->at(begin))) ++begin;
  }
  std::string out;
  out.reserve(end - begin);
  for (; begin < end; ++begin) {
    uint32_t c = s->at(begin);
    if (lenient && c == '_') continue;
    if (c == 0) return {};
    if (c < 128) {
      out += static_cast<char>(c);
    } else if (unicode::is_space(c)) {
      out += ' ';
    } else {
      int digit = unicode::decimal_value(c);
      if (digit < 0) return {};
      out += static_cast<char>('0' + digit);
    }
  }
  return out;
}

// What decides whether an exact conversion was one.
void check_exact(Number& r, uint32_t& status) {
  if ((status & (kInexact | kRounded | kClamped)) != 0) r.set_error(kInvalidOperation, status);
  status &= kErrors;
}

Result<std::string> tuple_text(Thread& t, Value v) {
  TupleObject* parts = is_list(v) ? list_to_tuple(t, v.as<ListObject>()) : v.as<TupleObject>();
  if (parts->size != 3) return t.raise(Exc::ValueError, "argument must be a sequence of length 3");
  Value sign = (*parts)[0], digits = (*parts)[1], exponent = (*parts)[2];
  int64_t minus;
  if (!is_any_int(sign) || (int_to_int64(sign, &minus) && minus != 0 && minus != 1))
    return t.raise(Exc::ValueError, "sign must be an integer with the value 0 or 1");
  minus = TRY(to_int64(t, sign));
  std::string out = minus != 0 ? "-" : "+";
  bool infinite = false, special = true;
  int64_t power = 0;
  if (is_str(exponent)) {
    auto* name = exponent.as<StrObject>();
    infinite = str_equal(name, std::string_view("F"));
    if (infinite)
      out += "Inf";
    else if (str_equal(name, std::string_view("n")))
      out += "NaN";
    else if (str_equal(name, std::string_view("N")))
      out += "sNaN";
    else
      return t.raise(Exc::ValueError, "string argument in the third position must be 'F', 'n' or 'N'");
  } else {
    special = false;
    if (!is_any_int(exponent)) return t.raise(Exc::ValueError, "exponent must be an integer");
    if (!int_to_int64(exponent, &power))
      return t.raise(Exc::OverflowError, "Python int too large to convert to C ssize_t");
  }
  if (!is_tuple(digits) && !is_list(digits))
    return t.raise(Exc::ValueError, "coefficient must be a tuple of digits");
  TupleObject* items = is_list(digits) ? list_to_tuple(t, digits.as<ListObject>()) : digits.as<TupleObject>();
  if (items->size == 0 && !special) out += '0';
  for (size_t i = 0; i < items->size; ++i) {
    int64_t digit;
    if (!is_any_int((*items)[i])) return t.raise(Exc::ValueError, "coefficient must be a tuple of digits");
    if (!int_to_int64((*items)[i], &digit))
      return t.raise(Exc::OverflowError, "Python int too large to convert to C long");
    if (digit < 0 || digit > 9) return t.raise(Exc::ValueError, "coefficient must be a tuple of digits");
    if (!infinite) out += static_cast<char>('0' + digit);
  }
  if (!special) out += "E" + std::to_string(power);
  return out;
}

Error not_supported(Thread& t, Value v) {
  return t.raise(Exc::TypeError, "conversion from {} to Decimal is not supported", type_name(t, v));
}

}  // namespace

Status number_from_float(Thread& t, Value v, Number* out) {
  uint32_t status = 0;
  if (is_any_int(v)) {
    IntView view(v);
    from_binary(*out, view.get(), kExact, status);
  } else if (!is_float(v)) {
    return t.raise(Exc::TypeError, "argument must be int or float");
  } else {
    double d = float_value(v);
    if (std::isnan(d)) {
      out->set_special(false, Kind::Quiet);
    } else if (std::isinf(d)) {
      out->set_special(d < 0, Kind::Infinite);
    } else {
      // mantissa * 2^exponent; a negative power of two is 5^n * 10^-n.
      int exponent;
      auto mantissa = static_cast<int64_t>(std::ldexp(std::frexp(std::fabs(d), &exponent), 53));
      exponent -= 53;
      if (mantissa == 0) {
        exponent = 0;
      } else {
        int zeros = __builtin_ctzll(static_cast<uint64_t>(mantissa));
        mantissa >>= zeros;
        exponent += zeros;
      }
      Mpz product, factor;
      mpz_set_si(product, mantissa);
      if (exponent > 0) {
        mpz_mul_2exp(product, product, static_cast<mp_bitcnt_t>(exponent));
      } else {
        mpz_ui_pow_ui(factor, 5, static_cast<unsigned long>(-exponent));
        mpz_mul(product, product, factor);
      }
      from_binary(*out, product, kExact, status);
      out->negative = std::signbit(d);
      out->exponent = exponent < 0 ? exponent : 0;
    }
  }
  return (status & kMallocError) != 0 ? t.raise_memory_error() : Status();
}

Result<Value> from_object(Thread& t, Type* type, Value v, ContextObject* context) {
  DecimalTypes& types = types_of(type);
  uint32_t status = 0;
  Number r;
  if (is_decimal(v)) {
    if (type == types.decimal && is_exact(v, type)) return v;
    if (!load(r, v.as<DecimalObject>())) return t.raise_memory_error();
  } else if (is_str(v)) {
    auto* text = v.as<StrObject>();
    Small small;
    if (text->is_ascii() && small_from_ascii(small, text->ascii())) return make_small(t, type, small);
    from_text(r, ascii_text(text, true), kExact, status);
  } else if (is_any_int(v)) {
    Small small;
    if (load_small(v, &small)) return make_small(t, type, small);
    IntView view(v);
    from_binary(r, view.get(), kExact, status);
  } else if (is_tuple(v) || is_list(v)) {
    from_text(r, TRY(tuple_text(t, v)), kExact, status);
  } else if (is_float(v)) {
    TRY(add_conditions(t, types, context, kFloatOperation));
    TRY(number_from_float(t, v, &r));
  } else {
    return not_supported(t, v);
  }
  check_exact(r, status);
  TRY(add_conditions(t, types, context, status));
  return make_decimal(t, type, r);
}

Result<Value> from_object_rounded(Thread& t, DecimalTypes& types, Value v, ContextObject* context) {
  Rules rules = context->rules();
  uint32_t status = 0;
  Number r;
  if (is_decimal(v)) {
    if (!load(r, v.as<DecimalObject>())) return t.raise_memory_error();
    if (r.is_nan() && r.digits > rules.prec - (rules.clamp ? 1 : 0)) {
      r.set_error(kConversionSyntax, status);
      r.negative = false;
    } else {
      finalize(r, rules, status);
    }
  } else if (is_str(v)) {
    from_text(r, ascii_text(v.as<StrObject>(), false), rules, status);
  } else if (is_any_int(v)) {
    IntView view(v);
    from_binary(r, view.get(), rules, status);
  } else if (is_tuple(v) || is_list(v)) {
    from_text(r, TRY(tuple_text(t, v)), rules, status);
  } else if (is_float(v)) {
    TRY(add_conditions(t, types, context, kFloatOperation));
    TRY(number_from_float(t, v, &r));
    finalize(r, rules, status);
  } else {
    return not_supported(t, v);
  }
  return finish(t, types, context, r, status);
}

// ---------------------------------------------------------------- int, float

namespace {
Status check_finite(Thread& t, Value v, const char* what) {
  Kind kind = v.as<DecimalObject>()->kind();
  if (kind == Kind::Finite) return {};
  if (kind == Kind::Infinite) return t.raise(Exc::OverflowError, "cannot convert Infinity to {}", what);
  return t.raise(Exc::ValueError, "cannot convert NaN to {}", what);
}
// coefficient * 10^exponent, exponent >= 0.
Result<Value> int_of(Thread& t, const Number& a) {
  Mpz z;
  Words words;
  // Digits beyond what an int may have are no question of time.
  if (a.exponent > (int64_t{1} << 33) && !a.words.is_zero()) return t.raise_memory_error();
  if (!words.assign(a.words) || !words.shift_left(a.exponent) || !to_binary(z, words))
    return t.raise_memory_error();
  if (a.negative) mpz_neg(z, z);
  return make_int_mpz(t, z);
}
}  // namespace

Result<Value> to_int_rounded(Thread& t, Value decimal, Rounding rounding) {
  TRY(check_finite(t, decimal, "integer"));
  DecimalTypes& types = types_of(decimal);
  ContextObject* context = current_context(t, types);
  Number a, r;
  if (!load(a, decimal.as<DecimalObject>())) return t.raise_memory_error();
  Rules rules = context->rules();
  rules.rounding = rounding;
  uint32_t status = 0;
  round_to_integral(r, a, rules, status);
  TRY(add_conditions(t, types, context, status));
  return int_of(t, r);
}

Result<Value> decimal_as_integer_ratio(Thread& t, const Value* args) {
  TRY(check_finite(t, args[0], "integer ratio"));
  Number a;
  if (!load(a, args[0].as<DecimalObject>())) return t.raise_memory_error();
  if (a.words.is_zero()) return make_tuple(t, {Value::from_int(0), Value::from_int(1)});
  if (a.exponent >= 0) return make_tuple(t, {TRY(int_of(t, a)), Value::from_int(1)});
  Number one;
  one.set(false, 1, -a.exponent);
  a.exponent = 0;
  Value numerator = TRY(int_of(t, a)), denominator = TRY(int_of(t, one));
  IntView n(numerator), d(denominator);
  Mpz gcd, p, q;
  mpz_gcd(gcd, n.get(), d.get());
  mpz_divexact(p, n.get(), gcd);
  mpz_divexact(q, d.get(), gcd);
  Value first = make_int_mpz(t, p);
  return make_tuple(t, {first, make_int_mpz(t, q)});
}

Result<Value> decimal_float(Thread& t, Value self) {
  auto* d = self.as<DecimalObject>();
  if (d->kind() >= Kind::Quiet) {
    if (d->kind() == Kind::Signaling)
      return t.raise(Exc::ValueError, "cannot convert signaling NaN to float");
    return make_float(t, std::copysign(std::nan(""), d->negative() ? -1.0 : 1.0));
  }
  if (d->kind() == Kind::Infinite) return make_float(t, d->negative() ? -HUGE_VAL : HUGE_VAL);
  Value text = TRY(decimal_text(t, d, true, Notation::Scientific));
  return make_float(t, TRY(float_from_text(t, text.as<StrObject>()->ascii(), text)));
}

// ---------------------------------------------------------------- text, tuple, hash

Result<Value> decimal_text(Thread& t, const DecimalObject* d, bool capitals, Notation notation) {
  if (d->is_small() && d->kind() == Kind::Finite && d->exponent <= 0 && d->exponent + d->digits() > -6) {
    // Plain notation: at most a sign, "0.", 5 zeros and 38 digits.
    char digits[48], out[64];
    char *first = write_digits(digits + sizeof digits, d->coefficient()), *p = out;
    auto count = static_cast<size_t>(digits + sizeof digits - first);
    auto behind = static_cast<size_t>(-d->exponent);
    if (d->negative()) *p++ = '-';
    if (behind >= count) {
      *p++ = '0';
      *p++ = '.';
      for (size_t i = count; i < behind; ++i) *p++ = '0';
      p = std::copy(first, first + count, p);
    } else {
      p = std::copy(first, first + (count - behind), p);
      if (behind > 0) *p++ = '.';
      p = std::copy(first + (count - behind), first + count, p);
    }
    return str_or_error(make_str_latin1(t, reinterpret_cast<uint8_t*>(out), static_cast<size_t>(p - out)));
  }
  Number a;
  if (!room_for(static_cast<size_t>(d->digits()) * 4) || !load(a, d)) return t.raise_memory_error();
  std::string text;
  append_text(text, a, capitals, notation);
  return str_or_error(make_str(t, text));
}

Result<Value> decimal_as_tuple(Thread& t, const Value* args) {
  auto* d = args[0].as<DecimalObject>();
  Number a;
  if (!room_for(static_cast<size_t>(d->digits()) * 32) || !load(a, d)) return t.raise_memory_error();
  Value exponent, digits;
  if (a.kind == Kind::Finite)
    exponent = make_int(t, a.exponent);
  else
    exponent = intern(t, a.is_infinite() ? "F" : a.kind == Kind::Quiet ? "n" : "N");
  if (a.is_infinite()) {
    digits = make_tuple(t, {Value::from_int(0)});
  } else {
    TupleObject* items = TRY(new_tuple(t, static_cast<size_t>(a.digits)));
    for (int64_t i = 0; i < a.digits; ++i)
      items->items()[i] = Value::from_int(a.words.digit(a.digits - 1 - i));
    digits = items;
  }
  return call(t, types_of(args[0]).tuple, {Value::from_int(a.negative ? 1 : 0), digits, exponent});
}

// As for all numbers: the value modulo 2^61 - 1.
Result<int64_t> decimal_hash(Thread& t, Value self) {
  auto* d = self.as<DecimalObject>();
  if (d->kind() != Kind::Finite) {
    if (d->kind() == Kind::Signaling) return t.raise(Exc::TypeError, "Cannot hash a signaling NaN value");
    if (d->kind() == Kind::Infinite) return d->negative() ? -314159 : 314159;
    return static_cast<int64_t>(self.bits() >> 4);
  }
  constexpr uint64_t kPrime = (uint64_t{1} << 61) - 1, kInverseOf10 = 2075258708292324556;
  auto reduce = [](Wide n) {  // 2^61 = 1
    n = (n & kPrime) + (n >> 61);
    n = (n & kPrime) + (n >> 61);
    auto word = static_cast<uint64_t>(n);
    return word >= kPrime ? word - kPrime : word;
  };
  uint64_t result;
  if (d->is_small()) {
    result = reduce(d->coefficient());
  } else {
    Number a;
    if (!load(a, d)) return t.raise_memory_error();
    result = 0;
    for (size_t i = a.words.size(); i-- > 0;) result = reduce(static_cast<Wide>(result) * kBase + a.words[i]);
  }
  uint64_t factor = d->exponent < 0 ? kInverseOf10 : 10;
  for (auto n = static_cast<uint64_t>(d->exponent < 0 ? -d->exponent : d->exponent); n != 0; n >>= 1) {
    if ((n & 1) != 0) result = reduce(static_cast<Wide>(result) * factor);
    factor = reduce(static_cast<Wide>(factor) * factor);
  }
  auto hash = static_cast<int64_t>(result);
  if (d->negative()) hash = -hash;
  return hash == -1 ? -2 : hash;
}

}  // namespace mp::decimal
