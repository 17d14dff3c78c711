// The proleptic Gregorian calendar as arithmetic: ordinals (1 January of year 1 is day 1), ISO weeks, and
// Moment, a date and a time of day in one word. It knows neither objects nor time zones.
#pragma once
#include <cstdint>

namespace mp {

inline constexpr int kMinYear = 1, kMaxYear = 9999;
inline constexpr int64_t kMaxOrdinal = 3652059;   // 9999-12-31
inline constexpr int64_t kEpochOrdinal = 719163;  // 1970-01-01
inline constexpr int64_t kSecond = 1'000'000, kMinute = 60 * kSecond, kHour = 60 * kMinute,
                         kDay = 24 * kHour;  // in microseconds
inline constexpr int64_t kSecondsPerDay = 86400;

// year:14 month:4 day:5 hour:5 minute:6 second:6 microsecond:20 fold:1, so that the order of words without
// the fold is the order of times. A date has no time of day, a time no date: those bits are 0.
class Moment {
 public:
  constexpr Moment() = default;
  // Each takes no more bits than its field has: a forged pickle does not spoil the month, which is an index.
  static constexpr Moment of(int year, int month, int day) {
    return Moment((static_cast<uint64_t>(year) << 47) | word(month, 43, 4) | word(day, 38, 5));
  }
  constexpr Moment at(int hour, int minute, int second, int microsecond, int fold = 0) const {
    return Moment((bits_ & kDateBits) | word(hour, 33, 5) | word(minute, 27, 6) | word(second, 21, 6) |
                  word(microsecond, 1, 20) | static_cast<uint64_t>(fold));
  }
  constexpr Moment at(Moment time) const { return Moment((bits_ & kDateBits) | (time.bits_ & ~kDateBits)); }
  // `microseconds` since midnight.
  constexpr Moment at_microseconds(int64_t microseconds, int fold = 0) const {
    auto seconds = static_cast<int>(microseconds / kSecond);
    auto rest = static_cast<int>(microseconds % kSecond);
    return at(seconds / 3600, seconds / 60 % 60, seconds % 60, rest, fold);
  }
  constexpr Moment date() const { return Moment(bits_ & kDateBits); }
  constexpr Moment time() const { return Moment(bits_ & ~kDateBits); }
  constexpr Moment with_fold(int fold) const {
    return Moment((bits_ & ~uint64_t{1}) | static_cast<uint64_t>(fold));
  }
  constexpr int year() const { return static_cast<int>(bits_ >> 47); }
  constexpr int month() const { return field(43, 4); }
  constexpr int day() const { return field(38, 5); }
  constexpr int hour() const { return field(33, 5); }
  constexpr int minute() const { return field(27, 6); }
  constexpr int second() const { return field(21, 6); }
  constexpr int microsecond() const { return field(1, 20); }
  constexpr int fold() const { return static_cast<int>(bits_ & 1); }
  constexpr int64_t seconds_of_day() const { return (hour() * 60 + minute()) * 60 + second(); }
  constexpr int64_t microseconds_of_day() const { return seconds_of_day() * kSecond + microsecond(); }
  constexpr uint64_t order() const { return bits_ >> 1; }

 private:
  static constexpr uint64_t kDateBits = ~((uint64_t{1} << 38) - 1);
  constexpr explicit Moment(uint64_t bits) : bits_(bits) {}
  constexpr int field(int shift, int width) const {
    return static_cast<int>(bits_ >> shift) & ((1 << width) - 1);
  }
  static constexpr uint64_t word(int number, int shift, int width) {
    return (static_cast<uint64_t>(number) & ((uint64_t{1} << width) - 1)) << shift;
  }
  uint64_t bits_ = 0;
};

constexpr bool is_leap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }
int days_in_month(int year, int month);
int day_of_year(Moment date);  // 1 January is 1
int64_t ordinal_of(Moment date);
Moment date_of(int64_t ordinal);  // 1..kMaxOrdinal
// Monday is 0.
inline int weekday_of(int64_t ordinal) { return static_cast<int>((ordinal + 6) % 7); }

struct IsoDate {
  int year, week, day;
};
IsoDate iso_date_of(Moment date);
enum class IsoError : uint8_t { None, Year, Week, Day };
// The ordinal may lie beyond kMaxOrdinal (9999-W52-6).
IsoError ordinal_of_iso(const IsoDate& iso, int64_t* ordinal);

// Floor division and its remainder, for a positive divisor.
constexpr int64_t floor_divide(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
constexpr int64_t floor_remainder(int64_t a, int64_t b) { return a - floor_divide(a, b) * b; }

}  // namespace mp
