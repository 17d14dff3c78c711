// Words: a natural number of any size in base 10^18, least significant word first. Decimal arithmetic cuts
// and shifts at decimal places all the time, which costs a division of the whole number in binary and nothing
// here. It knows no signs, exponents or contexts. What allocates returns false where there is no memory.
#pragma once
#include <gmp.h>

#include <cstddef>
#include <cstdint>

namespace mp::decimal {

using Wide = unsigned __int128;

inline constexpr int kWordDigits = 18;
inline constexpr uint64_t kBase = 1'000'000'000'000'000'000;

inline constexpr uint64_t kPowers[20] = {1,
                                         10,
                                         100,
                                         1000,
                                         10000,
                                         100000,
                                         1000000,
                                         10000000,
                                         100000000,
                                         1000000000,
                                         10000000000,
                                         100000000000,
                                         1000000000000,
                                         10000000000000,
                                         100000000000000,
                                         1000000000000000,
                                         10000000000000000,
                                         100000000000000000,
                                         1000000000000000000,
                                         10000000000000000000u};

// Decimal digits; 1 for 0.
int digit_count(uint64_t n);
int digit_count(Wide n);
Wide wide_power(int exponent);  // 10^exponent, exponent <= 38

// A divisor with its reciprocal: Moeller and Granlund, "Improved division by invariant integers" (2011).
struct Divisor {
  uint64_t normalized, reciprocal;
  int shift;
  constexpr explicit Divisor(uint64_t d)
      : normalized(d << __builtin_clzll(d)),
        reciprocal(static_cast<uint64_t>(~Wide{0} / normalized)),  // minus 2^64
        shift(__builtin_clzll(d)) {}
  // n / d for n < d * 2^64.
  uint64_t divide(Wide n, uint64_t* remainder) const {
    n <<= shift;
    auto high = static_cast<uint64_t>(n >> 64), low = static_cast<uint64_t>(n);
    Wide q = static_cast<Wide>(reciprocal) * high + n;
    auto quotient = static_cast<uint64_t>(q >> 64) + 1;
    uint64_t rest = low - quotient * normalized;
    if (rest > static_cast<uint64_t>(q)) {
      --quotient;
      rest += normalized;
    }
    if (rest >= normalized) [[unlikely]] {
      ++quotient;
      rest -= normalized;
    }
    *remainder = rest >> shift;
    return quotient;
  }
};

struct PowerDivisors {
  Divisor by[20] = {Divisor(kPowers[0]),  Divisor(kPowers[1]),  Divisor(kPowers[2]),  Divisor(kPowers[3]),
                    Divisor(kPowers[4]),  Divisor(kPowers[5]),  Divisor(kPowers[6]),  Divisor(kPowers[7]),
                    Divisor(kPowers[8]),  Divisor(kPowers[9]),  Divisor(kPowers[10]), Divisor(kPowers[11]),
                    Divisor(kPowers[12]), Divisor(kPowers[13]), Divisor(kPowers[14]), Divisor(kPowers[15]),
                    Divisor(kPowers[16]), Divisor(kPowers[17]), Divisor(kPowers[18]), Divisor(kPowers[19])};
  const Divisor& operator[](int power) const { return by[power]; }
};
inline constexpr PowerDivisors kDivisors;

class Words {
 public:
  Words() { data_[0] = 0; }
  explicit Words(uint64_t word) { data_[0] = word; }
  ~Words();
  Words(const Words&) = delete;
  Words& operator=(const Words&) = delete;

  size_t size() const { return size_; }  // at least 1; the top word is not 0 unless the number is
  uint64_t* data() { return data_; }
  const uint64_t* data() const { return data_; }
  uint64_t& operator[](size_t i) { return data_[i]; }
  uint64_t operator[](size_t i) const { return data_[i]; }
  bool is_zero() const { return size_ == 1 && data_[0] == 0; }
  bool is_odd() const { return (data_[0] & 1) != 0; }
  int64_t digits() const {
    return static_cast<int64_t>(size_ - 1) * kWordDigits + digit_count(data_[size_ - 1]);
  }
  int digit(int64_t place) const;  // place 0 is the last one

  [[nodiscard]] bool resize(size_t size);  // new words are 0
  [[nodiscard]] bool assign(const Words& other);
  [[nodiscard]] bool assign(const uint64_t* words, size_t count);
  [[nodiscard]] bool assign(Wide n);
  void set(uint64_t word) { size_ = 1, data_[0] = word; }  // below the base
  void swap(Words& other);
  void trim();  // drops leading zero words

  [[nodiscard]] bool increment();
  [[nodiscard]] bool shift_left(int64_t places);
  // The part that is lost: 0 nothing, 1 to 4 less than half, 5 half, 6 to 9 more than half of the new last
  // place.
  int shift_right(int64_t places);
  void keep_low(int64_t places);  // modulo 10^places
  int64_t trailing_zeros() const;
  uint64_t remainder(uint64_t divisor) const;

 private:
  static constexpr size_t kInline = 9;
  uint64_t* data_ = inline_;
  size_t size_ = 1;
  size_t capacity_ = kInline;
  uint64_t inline_[kInline];
};

int compare(const Words& a, const Words& b);
// The result is another object than the operands.
[[nodiscard]] bool add(Words& r, const Words& a, const Words& b);
[[nodiscard]] bool subtract(Words& r, const Words& a, const Words& b);  // a >= b
[[nodiscard]] bool multiply(Words& r, const Words& a, const Words& b);
[[nodiscard]] bool divide(Words& quotient, Words& remainder, const Words& a, const Words& b);
[[nodiscard]] bool to_binary(mpz_ptr z, const Words& a);
[[nodiscard]] bool from_binary(Words& r, mpz_srcptr z);
// GMP ends the process where it gets no memory: ask first.
[[nodiscard]] bool room_for(size_t bytes);

}  // namespace mp::decimal
