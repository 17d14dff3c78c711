#include "stdlib/native/decimal_words.h"

#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

namespace mp::decimal {

namespace {

constexpr Divisor kByBase(kBase);

// n / 10^18 for any n; the quotient may have 69 bits.
inline Wide divide_by_base(Wide n, uint64_t* remainder) {
  auto high = static_cast<uint64_t>(n >> 64);
  uint64_t top = high / kBase;
  return (static_cast<Wide>(top) << 64) |
         kByBase.divide((static_cast<Wide>(high - top * kBase) << 64) | static_cast<uint64_t>(n), remainder);
}

}  // namespace

int digit_count(uint64_t n) {
  int guess = (64 - __builtin_clzll(n | 1)) * 1233 >> 12;
  return guess + (n >= kPowers[guess] || n == 0);
}
int digit_count(Wide n) {
  auto high = static_cast<uint64_t>(n >> 64);
  if (high == 0) return digit_count(static_cast<uint64_t>(n));
  int guess = (128 - __builtin_clzll(high)) * 1233 >> 12;
  return guess + (guess < 39 && n >= wide_power(guess));
}
Wide wide_power(int exponent) {
  return exponent < 20 ? kPowers[exponent] : static_cast<Wide>(kPowers[19]) * kPowers[exponent - 19];
}

// ---------------------------------------------------------------- storage

Words::~Words() {
  if (data_ != inline_) std::free(data_);
}

bool Words::resize(size_t size) {
  if (size > capacity_) {
    if (size > SIZE_MAX / 16) return false;
    size_t capacity = size + size / 4;
    auto* data = static_cast<uint64_t*>(std::malloc(capacity * sizeof(uint64_t)));
    if (data == nullptr) return false;
    std::memcpy(data, data_, size_ * sizeof(uint64_t));
    if (data_ != inline_) std::free(data_);
    data_ = data;
    capacity_ = capacity;
  }
  if (size > size_) std::memset(data_ + size_, 0, (size - size_) * sizeof(uint64_t));
  size_ = size;
  return true;
}
bool Words::assign(const uint64_t* words, size_t count) {
  size_ = 0;
  if (!resize(count)) {
    set(0);
    return false;
  }
  std::memcpy(data_, words, count * sizeof(uint64_t));
  return true;
}
bool Words::assign(const Words& other) { return this == &other || assign(other.data_, other.size_); }
bool Words::assign(Wide n) {
  uint64_t words[3];
  n = divide_by_base(n, &words[0]);
  n = divide_by_base(n, &words[1]);
  words[2] = static_cast<uint64_t>(n);
  return assign(words, words[2] != 0 ? 3 : words[1] != 0 ? 2 : 1);
}
void Words::swap(Words& other) {
  if (this == &other) return;
  bool own = data_ == inline_, others = other.data_ == other.inline_;
  for (size_t i = 0; i < kInline; ++i) std::swap(inline_[i], other.inline_[i]);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(capacity_, other.capacity_);
  if (others) data_ = inline_;
  if (own) other.data_ = other.inline_;
}
void Words::trim() {
  while (size_ > 1 && data_[size_ - 1] == 0) --size_;
}

// ---------------------------------------------------------------- places

int Words::digit(int64_t place) const {
  auto word = static_cast<size_t>(place / kWordDigits);
  return word >= size_ ? 0 : static_cast<int>(data_[word] / kPowers[place % kWordDigits] % 10);
}

bool Words::increment() {
  for (size_t i = 0; i < size_; ++i) {
    if (++data_[i] < kBase) return true;
    data_[i] = 0;
  }
  if (!resize(size_ + 1)) return false;
  data_[size_ - 1] = 1;
  return true;
}

bool Words::shift_left(int64_t places) {
  if (places <= 0 || is_zero()) return true;
  auto words = static_cast<size_t>(places / kWordDigits);
  int rest = static_cast<int>(places % kWordDigits);
  size_t before = size_;
  if (!resize(before + words + 1)) return false;
  if (rest == 0) {
    std::memmove(data_ + words, data_, before * sizeof(uint64_t));
    std::memset(data_, 0, words * sizeof(uint64_t));
    trim();
    return true;
  }
  const Divisor& split = kDivisors[kWordDigits - rest];
  uint64_t factor = kPowers[rest], above = 0;
  for (size_t i = before; i-- > 0;) {
    uint64_t tail, head = split.divide(data_[i], &tail);
    data_[i + words + 1] = above + head;
    above = tail * factor;
  }
  data_[words] = above;
  std::memset(data_, 0, words * sizeof(uint64_t));
  trim();
  return true;
}

int Words::shift_right(int64_t places) {
  if (places <= 0 || is_zero()) return 0;
  auto words = static_cast<size_t>(places / kWordDigits);
  int rest = static_cast<int>(places % kWordDigits);
  int lost = 0;
  bool more = false;
  if (words > size_ || (words == size_ && rest > 0)) {
    set(0);
    return 1;
  }
  if (rest > 0) {
    uint64_t tail = data_[words] % kPowers[rest];
    lost = static_cast<int>(tail / kPowers[rest - 1]);
    more = tail % kPowers[rest - 1] != 0;
  } else {
    lost = static_cast<int>(data_[words - 1] / (kBase / 10));
    more = data_[words - 1] % (kBase / 10) != 0;
  }
  for (size_t i = 0; !more && i < words - (rest == 0 ? 1 : 0); ++i) more = data_[i] != 0;
  if (words == size_) {
    set(0);
  } else {
    size_t size = size_ - words;
    if (rest == 0) {
      std::memmove(data_, data_ + words, size * sizeof(uint64_t));
    } else {
      const Divisor& split = kDivisors[rest];
      uint64_t factor = kPowers[kWordDigits - rest], tail;
      data_[0] = split.divide(data_[words], &tail);
      for (size_t i = 1; i < size; ++i) {
        uint64_t head = split.divide(data_[i + words], &tail);
        data_[i - 1] += tail * factor;
        data_[i] = head;
      }
    }
    size_ = size;
    trim();
  }
  return lost + (more && (lost == 0 || lost == 5) ? 1 : 0);
}

void Words::keep_low(int64_t places) {
  auto words = static_cast<size_t>(places / kWordDigits);
  if (words >= size_) return;
  data_[words] %= kPowers[places % kWordDigits];
  size_ = words + 1;
  trim();
}

int64_t Words::trailing_zeros() const {
  if (is_zero()) return 0;
  size_t i = 0;
  while (data_[i] == 0) ++i;
  int64_t zeros = static_cast<int64_t>(i) * kWordDigits;
  for (uint64_t word = data_[i]; word % 10 == 0; word /= 10) ++zeros;
  return zeros;
}

uint64_t Words::remainder(uint64_t divisor) const {
  Divisor by(divisor);
  uint64_t rest = 0;
  for (size_t i = size_; i-- > 0;) {
    // Both are below the divisor times 2^64, for rest is below the divisor.
    by.divide(static_cast<Wide>(rest) * kBase + data_[i], &rest);
  }
  return rest;
}

int compare(const Words& a, const Words& b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  for (size_t i = a.size(); i-- > 0;)
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  return 0;
}

// ---------------------------------------------------------------- addition

bool add(Words& r, const Words& x, const Words& y) {
  const Words &a = x.size() >= y.size() ? x : y, &b = x.size() >= y.size() ? y : x;
  if (!r.assign(a)) return false;
  uint64_t carry = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (i >= b.size() && carry == 0) return true;
    uint64_t sum = r[i] + (i < b.size() ? b[i] : 0) + carry;
    carry = sum >= kBase;
    r[i] = carry != 0 ? sum - kBase : sum;
  }
  if (carry != 0) {
    if (!r.resize(a.size() + 1)) return false;
    r[a.size()] = 1;
  }
  return true;
}

bool subtract(Words& r, const Words& a, const Words& b) {
  if (!r.assign(a)) return false;
  uint64_t borrow = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (i >= b.size() && borrow == 0) break;
    uint64_t take = (i < b.size() ? b[i] : 0) + borrow;
    borrow = r[i] < take;
    r[i] += (borrow != 0 ? kBase : 0) - take;
  }
  r.trim();
  return true;
}

// ---------------------------------------------------------------- multiplication

namespace {

// From this size on GMP multiplies. Sums of fewer products of two words fit in 128 bits, with a carry.
constexpr size_t kLargeProduct = 128;

// The divisions do not wait for each other's carries.
void multiply_by_word(uint64_t* r, const uint64_t* a, size_t n, uint64_t b) {
  uint64_t carry = 0;
  for (size_t i = 0; i < n; ++i) {
    uint64_t low, high = kByBase.divide(static_cast<Wide>(a[i]) * b, &low);
    low += carry;
    bool over = low >= kBase;
    r[i] = low - (over ? kBase : 0);
    carry = high + (over ? 1 : 0);
  }
  r[n] = carry;
}

// Column by column: one division for each column, not for each product.
void multiply_columns(uint64_t* r, const uint64_t* a, size_t n, const uint64_t* b, size_t m) {
  Wide sum = 0;
  for (size_t column = 0; column + 1 < n + m; ++column) {
    size_t first = column < m ? 0 : column - m + 1, last = column < n ? column : n - 1;
    for (size_t i = first; i <= last; ++i) sum += static_cast<Wide>(a[i]) * b[column - i];
    sum = divide_by_base(sum, &r[column]);
  }
  r[n + m - 1] = static_cast<uint64_t>(sum);
}

// Kronecker substitution: two words to a slot of four limbs are multiplied as one binary number. No slot of
// the product overflows as long as the shorter operand has at most 2^16: 2^16 * 10^72 < 2^256.
constexpr size_t kSlot = 4, kMostSlots = size_t{1} << 16;

void pack(mp_limb_t* out, const uint64_t* words, size_t count) {
  for (size_t i = 0; i < count; i += 2, out += kSlot) {
    Wide both = static_cast<Wide>(i + 1 < count ? words[i + 1] : 0) * kBase + words[i];
    out[0] = static_cast<mp_limb_t>(both);
    out[1] = static_cast<mp_limb_t>(both >> 64);
    out[2] = out[3] = 0;
  }
}
// value /= 10^18; the remainder.
uint64_t cut_word(mp_limb_t* value) {
  uint64_t rest = 0;
  for (size_t i = kSlot; i-- > 0;)
    value[i] = kByBase.divide((static_cast<Wide>(rest) << 64) | value[i], &rest);
  return rest;
}
// r += product, where r's words from there on are enough for it.
void add_slots(uint64_t* r, size_t count, const mp_limb_t* product, size_t slots) {
  mp_limb_t value[kSlot] = {};
  for (size_t i = 0; i < count; ++i) {
    if ((i & 1) == 0) {
      if (i / 2 < slots)
        mpn_add_n(value, value, product + i / 2 * kSlot, kSlot);
      else if (mpn_zero_p(value, kSlot) != 0)
        return;
    }
    mpn_add_1(value, value, kSlot, r[i]);
    r[i] = cut_word(value);
  }
}

bool multiply_large(Words& r, const Words& x, const Words& y) {
  const Words &a = x.size() >= y.size() ? x : y, &b = x.size() >= y.size() ? y : x;
  size_t n = (a.size() + 1) / 2, m = (b.size() + 1) / 2, most = m < kMostSlots ? m : kMostSlots;
  size_t limbs = (n + most) * kSlot;
  if (limbs > SIZE_MAX / 256 || !room_for(limbs * sizeof(mp_limb_t) * 8)) return false;
  r.set(0);
  auto* space = static_cast<mp_limb_t*>(std::malloc(2 * limbs * sizeof(mp_limb_t)));
  if (space == nullptr) return false;
  bool ok = r.resize(a.size() + b.size() + 2);
  mp_limb_t *left = space, *right = left + n * kSlot, *product = right + most * kSlot;
  pack(left, a.data(), a.size());
  for (size_t at = 0; ok && at < b.size(); at += 2 * kMostSlots) {
    size_t words = b.size() - at < 2 * kMostSlots ? b.size() - at : 2 * kMostSlots, slots = (words + 1) / 2;
    pack(right, b.data() + at, words);
    auto left_size = static_cast<mp_size_t>(n * kSlot), right_size = static_cast<mp_size_t>(slots * kSlot);
    if (&a == &b && slots == n)
      mpn_sqr(product, left, left_size);
    else
      mpn_mul(product, left, left_size, right, right_size);
    add_slots(r.data() + at, r.size() - at, product, n + slots);
  }
  std::free(space);
  if (ok) r.trim();
  return ok;
}

}  // namespace

bool multiply(Words& r, const Words& a, const Words& b) {
  size_t n = a.size(), m = b.size();
  if (n >= kLargeProduct && m >= kLargeProduct) return multiply_large(r, a, b);
  r.set(0);
  if (!r.resize(n + m)) return false;
  if (m == 1)
    multiply_by_word(r.data(), a.data(), n, b[0]);
  else if (n == 1)
    multiply_by_word(r.data(), b.data(), m, a[0]);
  else
    multiply_columns(r.data(), a.data(), n, b.data(), m);
  r.trim();
  return true;
}

// ---------------------------------------------------------------- division

namespace {

// From this size of the divisor and of the quotient on GMP divides.
constexpr size_t kLargeQuotient = 24;

bool divide_by_word(Words& quotient, Words& remainder, const Words& a, uint64_t divisor) {
  Divisor by(divisor);
  if (!quotient.assign(a)) return false;
  uint64_t rest = 0;
  for (size_t i = a.size(); i-- > 0;) {
    Wide n = static_cast<Wide>(rest) * kBase + quotient[i];
    quotient[i] = by.divide(n, &rest);
  }
  quotient.trim();
  remainder.set(rest);
  return true;
}

// Knuth, The Art of Computer Programming 2, 4.3.1, algorithm D.
bool divide_schoolbook(Words& quotient, Words& remainder, const Words& a, const Words& b) {
  size_t n = b.size(), m = a.size() - n;
  uint64_t scale = kBase / (b[n - 1] + 1);
  Words u, v, factor(scale);
  if (!multiply(u, a, factor) || !multiply(v, b, factor) || !u.resize(a.size() + 1)) return false;
  quotient.set(0);
  if (!quotient.resize(m + 1)) return false;
  Divisor by(v[n - 1]);
  for (size_t j = m + 1; j-- > 0;) {
    uint64_t guess, rest;
    if (u[j + n] >= v[n - 1]) {
      guess = kBase - 1;
      rest = u[j + n - 1] + v[n - 1];  // u[j + n] == v[n - 1]
    } else {
      guess = by.divide(static_cast<Wide>(u[j + n]) * kBase + u[j + n - 1], &rest);
    }
    while (rest<kBase&& static_cast<Wide>(guess) * v[n - 2]> static_cast<Wide>(rest) * kBase + u[j + n - 2]) {
      --guess;
      rest += v[n - 1];
    }
    uint64_t borrow = 0;
    for (size_t i = 0; i < n; ++i) {
      uint64_t low;
      auto high = static_cast<uint64_t>(divide_by_base(static_cast<Wide>(guess) * v[i] + borrow, &low));
      borrow = high + (u[i + j] < low);
      u[i + j] += (u[i + j] < low ? kBase : 0) - low;
    }
    bool below = u[j + n] < borrow;
    u[j + n] += (below ? kBase : 0) - borrow;
    if (below) {
      --guess;
      uint64_t carry = 0;
      for (size_t i = 0; i < n; ++i) {
        uint64_t sum = u[i + j] + v[i] + carry;
        carry = sum >= kBase;
        u[i + j] = carry != 0 ? sum - kBase : sum;
      }
      u[j + n] = (u[j + n] + carry) % kBase;
    }
    quotient[j] = guess;
  }
  quotient.trim();
  if (!u.resize(n)) return false;
  u.trim();
  Words rest;
  return divide_by_word(remainder, rest, u, scale);
}

}  // namespace

bool divide(Words& quotient, Words& remainder, const Words& a, const Words& b) {
  if (compare(a, b) < 0) {
    quotient.set(0);
    return remainder.assign(a);
  }
  if (b.size() == 1) return divide_by_word(quotient, remainder, a, b[0]);
  if (b.size() < kLargeQuotient || a.size() - b.size() < kLargeQuotient)
    return divide_schoolbook(quotient, remainder, a, b);
  mpz_t x, y;
  mpz_init(x);
  mpz_init(y);
  bool ok = to_binary(x, a) && to_binary(y, b) && room_for(a.size() * 64);
  if (ok) {
    mpz_tdiv_qr(x, y, x, y);
    ok = from_binary(quotient, x) && from_binary(remainder, y);
  }
  mpz_clear(x);
  mpz_clear(y);
  return ok;
}

// ---------------------------------------------------------------- binary numbers

bool room_for(size_t bytes) {
  if (bytes < size_t{1} << 20) return true;
  void* volatile probe = std::malloc(bytes);  // else the compiler leaves both calls out
  std::free(probe);
  return probe != nullptr;
}

namespace {
constexpr size_t kLargeConversion = 60;  // words: GMP's conversions divide and conquer
}

bool to_binary(mpz_ptr z, const Words& a) {
  if (a.size() < kLargeConversion) {
    mpz_set_ui(z, a[a.size() - 1]);
    for (size_t i = a.size() - 1; i-- > 0;) {
      mpz_mul_ui(z, z, kBase);
      mpz_add_ui(z, z, a[i]);
    }
    return true;
  }
  size_t count = a.size() * kWordDigits;
  if (!room_for(count * 4)) return false;
  auto* digits = static_cast<unsigned char*>(std::malloc(count));
  if (digits == nullptr) return false;
  unsigned char* out = digits + count;
  for (size_t i = 0; i < a.size(); ++i) {
    uint64_t word = a[i];
    for (int k = 0; k < kWordDigits; ++k, word /= 10) *--out = static_cast<unsigned char>(word % 10);
  }
  auto limbs = static_cast<mp_size_t>(a.size());  // 18 digits are less than 60 bits
  mp_limb_t* target = mpz_limbs_write(z, limbs + 1);
  mpz_limbs_finish(z, mpn_set_str(target, digits, count, 10));
  std::free(digits);
  return true;
}

bool from_binary(Words& r, mpz_srcptr z) {
  size_t limbs = mpz_size(z);
  if (limbs <= 2) {
    Wide n = limbs == 0 ? 0 : mpz_getlimbn(z, 0);
    if (limbs == 2) n |= static_cast<Wide>(mpz_getlimbn(z, 1)) << 64;
    return r.assign(n);
  }
  // 64 bits are less than 20 digits.
  size_t words = limbs * 20 / kWordDigits + 2;
  r.set(0);
  if (limbs < kLargeConversion) {
    mp_limb_t rest[kLargeConversion];
    std::memcpy(rest, mpz_limbs_read(z), limbs * sizeof(mp_limb_t));
    if (!r.resize(words)) return false;
    auto size = static_cast<mp_size_t>(limbs);
    for (size_t i = 0; size > 0; ++i) {
      r[i] = mpn_divrem_1(rest, 0, rest, size, kBase);
      while (size > 0 && rest[size - 1] == 0) --size;
    }
    r.trim();
    return true;
  }
  if (!room_for(limbs * 64)) return false;
  size_t count = mpz_sizeinbase(z, 10);
  auto* digits = static_cast<char*>(std::malloc(count + 2));
  if (digits == nullptr) return false;
  mpz_get_str(digits, 10, z);
  const char* text = digits + (mpz_sgn(z) < 0 ? 1 : 0);
  count = std::strlen(text);
  bool ok = r.resize((count + kWordDigits - 1) / kWordDigits);
  for (size_t i = 0, end = count; ok && i < r.size(); ++i) {
    size_t begin = end > kWordDigits ? end - kWordDigits : 0;
    uint64_t word = 0;
    for (size_t k = begin; k < end; ++k) word = word * 10 + static_cast<uint64_t>(text[k] - '0');
    r[i] = word;
    end = begin;
  }
  std::free(digits);
  if (ok) r.trim();
  return ok;
}

}  // namespace mp::decimal
